/** @file Low-rank adapters on all linears (LoRA): seeded, with the mask of what is pruned, through the rounding of what is packed. */
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import type { Arena } from '../../runtime/arena.ts';
import { type Adapter, type AdapterValues, createAdapter } from '../../runtime/backward/adapters.ts';
import { gridRounding, type Rounding } from '../../runtime/backward/rounding.ts';
import type { Learning } from './learning.ts';
import { isTrained, linearPlaces } from './linears.ts';
import { normals } from './random.ts';

export interface LowRankOptions {
  readonly rank: number;
  readonly alpha: number;
  readonly seed: number;
}

/**
 * Merged when they are done. Integers stay on their grid: what is multiplied while they are trained is rounded to it, and gradients
 * pass straight through.
 */
export function lowRank(options: LowRankOptions): Learning {
  return { linears: (arena, model) => seededAdapters(arena, model, options) };
}

/**
 * A of a normal distribution of variance 1/inputs, B zero, so that the first step begins at the model itself.
 * @param rounding Of every linear that has no form of its own; absent: none.
 * @param only Of this layer alone, with the numbers that it has among all.
 */
export async function seededAdapters(
  arena: Arena,
  model: DecoderModel,
  { rank, alpha, seed }: LowRankOptions,
  rounding?: Rounding,
  only?: number,
): Promise<Map<WeightRef, Adapter>> {
  const adapters = new Map<WeightRef, Adapter>();
  for (const [index, { layer, weight }] of linearPlaces(model).entries()) {
    if (!isTrained(weight) || adapters.has(weight) || (only !== undefined && layer !== only)) continue;
    const [rows, columns] = weight.shape;
    const A = normals(rank * columns, 1 / Math.sqrt(columns), seed, 2, index);
    const B = new Float32Array(rows * rank);
    const form = (await formOf(arena, weight)) ?? (rounding && { rounding });
    adapters.set(weight, createAdapter(arena, { A, B, scale: alpha / rank, ...form }, weight.shape, weight.name));
  }
  return adapters;
}

/** What the packing of a weight keeps of what is learnt. */
async function formOf(arena: Arena, weight: WeightRef): Promise<Pick<AdapterValues, 'mask' | 'rounding'> | undefined> {
  const values = weight.packed && (await weight.unpack?.());
  if (!values) return undefined;
  if ('mask' in values) return { mask: Float32Array.from(values.mask) };
  if (values.packing.kind !== 'grouped') return undefined;
  return { rounding: gridRounding(arena, values as GroupedValues, weight.name) };
}
