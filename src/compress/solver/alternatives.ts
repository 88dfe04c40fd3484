/**
 * @file What each matrix could become: every linear rounded in each of some ways, on the Gram of what it reads in the dense
 * model, and the tables likewise. Made once, kept packed in the scratch store, and then measured one at a time.
 */
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import { mapWeights } from '../../models/map_weights.ts';
import { dense } from '../../models/packed/dense.ts';
import { type Grouped, groupSize } from '../../models/packed/packing.ts';
import { storePacked } from '../../models/packed/store.ts';
import type { PackedValues } from '../../models/packed/values.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { unitError } from '../layerwise/unit_error.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearInput, LinearMethod, LinearName } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';
import { integerPacking } from '../options/integers.ts';
import type { MixEntry } from '../options/mix.ts';
import { gptq } from '../solvers/gptq.ts';
import { gridOf, groupedValues, nearestValues } from '../solvers/packed_values.ts';

/** One way to store one matrix. */
export interface Alternative {
  readonly entry: MixEntry;
  readonly packing: Grouped;
  readonly weight: WeightRef;
  /** Share of the output's energy that it loses: see `unit_error.ts`. */
  readonly error: number;
}

/** A matrix that is chosen for: a linear, or the table (with the head that it serves, or that is chosen with it). */
export type Site = { readonly layer: number; readonly name: LinearName } | 'tables';

export interface SiteAlternatives {
  readonly site: Site;
  /** Elements of the matrix (of both tables). */
  readonly elements: number;
  readonly alternatives: readonly Alternative[];
}

const GRID = 'source';

/** Every linear of the model in each of the ways, in model order. @throws as GPTQ does */
export async function linearAlternatives(
  model: DecoderModel,
  entries: readonly MixEntry[],
  context: PassContext,
): Promise<SiteAlternatives[]> {
  const found: SiteAlternatives[] = [];
  const collector: LinearMethod<undefined> = {
    statistics: () => ['gram'],
    async change(linear, { gram }, _, { linalg }) {
      const { W, rows, columns, use, source } = linear;
      const alternatives: Alternative[] = [];
      for (const entry of entries) {
        const packing = integerPacking({ ...entry, grid: GRID }, source);
        const values = await rounded(linear, packing, gram as Float64Array, linalg);
        const weight = await storePacked(context.scratch, `${use.path}.weight`, values);
        const { error } = unitError(W, dense(values), rows, columns, { gram });
        alternatives.push({ entry, packing, weight, error });
      }
      found.push({ site: { layer: use.layer, name: use.name }, elements: rows * columns, alternatives });
      // The model itself stays as it is: inputs of the next matrix are the dense ones.
      return undefined;
    },
  };
  await layerwise(collector, model, undefined, { ...context, before: [], after: [] });
  return found;
}

type Linalg = Parameters<typeof gptq>[5];

async function rounded(
  { W, rows, columns }: LinearInput,
  packing: Grouped,
  gram: Float64Array,
  linalg: Linalg,
): Promise<PackedValues> {
  if (packing.zero === 'symmetric') return nearestValues(W, rows, columns, packing);
  const settings = { grid: gridOf(packing), group: groupSize(packing, columns) };
  return groupedValues(await gptq(W, rows, columns, gram, settings, linalg), packing);
}

/** Embedding and head, both in the same way; a tied table is one. */
export async function tableAlternatives(
  model: DecoderModel,
  entries: readonly MixEntry[],
  context: PassContext,
): Promise<{ site: SiteAlternatives; models: readonly DecoderModel[] }> {
  const tables = [...new Set([model.embed_tokens.weight, model.lm_head.weight])];
  const alternatives: Alternative[] = [];
  const models: DecoderModel[] = [];
  for (const entry of entries) {
    const stored = new Map<WeightRef, WeightRef>();
    let worst = 0;
    for (const table of tables) {
      const [rows, columns] = table.shape;
      const values = Float64Array.from(decodeStored(await table.read(), table.dtype));
      const packed = nearestValues(values, rows, columns, integerPacking({ ...entry, grid: GRID }, table));
      worst = Math.max(worst, unitError(values, dense(packed), rows, columns, {}).error);
      stored.set(table, await storePacked(context.scratch, table.name, packed));
    }
    const packing = integerPacking({ ...entry, grid: GRID }, tables[0]);
    alternatives.push({ entry, packing, weight: stored.get(tables[0]) as WeightRef, error: worst });
    models.push(mapWeights(model, (weight) => stored.get(weight) ?? weight));
  }
  const elements = tables.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  return { site: { site: 'tables', elements, alternatives }, models };
}
