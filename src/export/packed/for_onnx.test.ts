/** What ONNX gets of packed weights: pieces for linears, plain integers or floats for tables and heads. */
import { expect, it } from 'vitest';
import { KINDS } from '../../../test/onnx/packings.ts';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import type { WeightRef } from '../../models/decoder_model.ts';
import { mapWeights } from '../../models/map_weights.ts';
import { storePacked } from '../../models/packed/store.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { quantizedModel } from '../precision.ts';

/** Kinds with products of several operators, which a Gather is none of. */
const IN_PIECES = /minimums|order|kept|low rank/;

it.each(KINDS)('%s', async (name, pack) => {
  const plain = tinyDecoder({ head: 'untied' });
  const made = async (weight: WeightRef) => {
    const [rows, columns] = weight.shape;
    const W = Float64Array.from(decodeStored(await weight.read(), weight.dtype));
    return storePacked(memoryScratch(), weight.name, pack(W, rows, columns));
  };
  const { embed_tokens, lm_head, layers } = plain;
  const all = [embed_tokens.weight, lm_head.weight, layers[0].mlp.up_proj.weight];
  const packed = new Map<WeightRef, WeightRef>();
  for (const weight of all) packed.set(weight, await made(weight));
  const model = mapWeights(plain, (weight) => packed.get(weight) ?? weight);
  const held = await quantizedModel(model, 'stored', { keepPacked: true });
  expect('pieces' in held.layers[0].mlp.up_proj.weight).toBe(IN_PIECES.test(name));
  for (const { weight } of [held.embed_tokens, held.lm_head]) expect('pieces' in weight).toBe(false);
});
