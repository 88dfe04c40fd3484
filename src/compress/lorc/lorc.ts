/** @file LoRC (ZeroQuant-V2, arXiv 2303.08302): what rounding to integers loses comes back as a pair of low rank. */
import * as v from 'valibot';
import type { WeightOutline } from '../../models/decoder_model.ts';
import { dense } from '../../models/packed/dense.ts';
import type { Floats, LowRank } from '../../models/packed/packing.ts';
import type { Shape } from '../../tensor/shape.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { number } from '../options/fields.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { lowRank } from '../solvers/low_rank.ts';
import { lowRankValues, nearestValues } from '../solvers/packed_values.ts';

interface Options extends IntegerOptions {
  readonly rank: number;
}

function packingOf({ rank, ...integers }: Options, [rows, columns]: Shape, floats: Floats, source: WeightOutline) {
  const base = integerPacking(integers, source);
  return { kind: 'low_rank', rank: Math.min(rank, rows, columns), base, floats } as const satisfies LowRank;
}

const linears: LinearMethod<Options> = {
  statistics: () => [],
  async change({ W, rows, columns, source, use }, _, options, { linalg }) {
    const packing = packingOf(options, [rows, columns], use.floats, source);
    const base = nearestValues(W, rows, columns, packing.base);
    const rounded = dense(base);
    const lost = W.map((value, i) => value - rounded[i]);
    const pair = await lowRank(lost, rows, columns, packing.rank, undefined, linalg);
    return lowRankValues(pair, rows, columns, packing, base);
  },
};

export const lorc: Method<Options> = {
  name: 'lorc',
  about: {
    label: 'LoRC',
    paper: 'arXiv 2303.08302',
    group: 'quantise',
    help: 'Rounds to nearest, then adds the best pair of low rank for what that lost (ZeroQuant-V2). Needs no text.',
  },
  options: v.strictObject({
    bits: BITS,
    group: GROUP,
    rank: number(
      { label: 'Rank', help: 'Of the pair that is added to each linear.' },
      { min: 1, max: 256, value: 8, whole: true },
    ),
    grid: GRID,
  }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) =>
    planLinears(model, (weight, { floats }) => packingOf(options, weight.shape, floats, weight)),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
