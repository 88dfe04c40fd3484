/**
 * @file Token ids → hidden states. Only the rows of the embedding table that the tokens need are read, so a table of
 * any size costs a few megabytes on the device.
 */
import type { Tensor } from '../backend/backend.ts';
import type { Embedding, WeightRef } from '../models/decoder_model.ts';
import { bytesPerElement } from '../tensor/dtype.ts';
import type { Arena } from './arena.ts';
import type { WeightLoader } from './weights.ts';

/** Rows closer together than this are read with one request. */
const MAX_GAP_BYTES = 64 * 1024;

/**
 * Embeds several batches of tokens.
 * @param ids One array a batch.
 * @returns One tensor (tokens, d) a batch, owned by the arena.
 */
export async function embedTokens(
  arena: Arena,
  loader: WeightLoader,
  embedding: Embedding,
  ids: readonly Uint32Array[],
): Promise<Tensor[]> {
  const { backend } = arena;
  const table = await compactTable(embedding.weight, ids);
  const rows = loader.decode(embedding.weight, table.bytes, [table.count, embedding.weight.shape[1]]);
  if (embedding.centered) backend.center_rows({ hidden_states: rows });
  const weight = embedding.projection ? await project(arena, loader, rows, embedding.projection) : rows;
  const outputs = ids.map((batch, i) => {
    const input_ids = arena.own(
      backend.fromIds(
        batch.map((id) => table.row.get(id) as number),
        'input_ids',
      ),
    );
    const output = arena.empty([batch.length, weight.shape[1]], `hidden_states.${i}`);
    backend.embedding({ input_ids, weight, first_row: 0, output });
    arena.free(input_ids);
    return output;
  });
  arena.free(rows, weight);
  return outputs;
}

async function project(arena: Arena, loader: WeightLoader, rows: Tensor, projection: WeightRef): Promise<Tensor> {
  const matrix = await loader.load(projection);
  const output = arena.empty([rows.shape[0], projection.shape[1]], 'projected_embeddings');
  arena.backend.matmul({ a: rows, b: matrix, output });
  arena.free(matrix);
  return output;
}

interface CompactTable {
  /** Stored bytes of the needed rows, in ascending order of token id. */
  bytes: Uint8Array;
  count: number;
  /** Token id → row of `bytes`. */
  row: Map<number, number>;
}

async function compactTable(weight: WeightRef, ids: readonly Uint32Array[]): Promise<CompactTable> {
  const needed = [...new Set(ids.flatMap((batch) => [...batch]))].sort((a, b) => a - b);
  const rowBytes = weight.shape[1] * bytesPerElement(weight.dtype);
  const gap = Math.max(1, Math.floor(MAX_GAP_BYTES / rowBytes));
  const bytes = new Uint8Array(needed.length * rowBytes);
  for (let first = 0; first < needed.length; ) {
    let last = first;
    while (last + 1 < needed.length && needed[last + 1] - needed[last] <= gap) last++;
    const start = needed[first];
    const block = await weight.read({ start, end: needed[last] + 1 });
    for (let i = first; i <= last; i++) {
      const from = (needed[i] - start) * rowBytes;
      bytes.set(block.subarray(from, from + rowBytes), i * rowBytes);
    }
    first = last + 1;
  }
  return { bytes, count: needed.length, row: new Map(needed.map((id, i) => [id, i])) };
}
