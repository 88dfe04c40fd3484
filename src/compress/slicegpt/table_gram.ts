/** @file The Gram matrix of an embedding table, a block of rows at a time. */
import type { Embedding } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import { tableBlockRows } from '../../runtime/budgets.ts';
import { WeightLoader } from '../../runtime/weights.ts';
import { Gram } from '../../statistics/gram.ts';

/** Gram of the embedding table, (D, D): EᵀE. */
export async function tableGram(arena: Arena, embedding: Embedding): Promise<Float64Array> {
  const [vocabulary, D] = embedding.weight.shape;
  const loader = new WeightLoader(arena);
  const sum = new Gram(arena, D);
  const step = tableBlockRows(D, arena.backend.info.maxTensorBytes);
  for (let start = 0; start < vocabulary; start += step) {
    const block = await loader.load(embedding.weight, { start, end: Math.min(vocabulary, start + step) });
    sum.add(block);
    arena.free(block);
  }
  return (await sum.take()).H;
}
