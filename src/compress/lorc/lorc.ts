/** @file LoRC (ZeroQuant-V2, arXiv 2303.08302): what rounding to integers loses comes back as a pair of low rank. */
import * as v from 'valibot';
import { dense } from '../../models/packed/dense.ts';
import type { LowRank } from '../../models/packed/packing.ts';
import type { Shape } from '../../tensor/shape.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { number } from '../options/fields.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { roundToNearest } from '../solvers/grid.ts';
import { lowRank } from '../solvers/low_rank.ts';

interface Options extends IntegerOptions {
  readonly rank: number;
}

function packingOf(options: Options, [rows, columns]: Shape, source: Parameters<typeof integerPacking>[1]) {
  const base = integerPacking(options, source);
  return { kind: 'low_rank', rank: Math.min(options.rank, rows, columns), base } as const satisfies LowRank;
}

const linears: LinearMethod<Options> = {
  statistics: () => [],
  async change({ W, rows, columns, source }, _, options, { signal, multiply }) {
    const packing = packingOf(options, [rows, columns], source);
    const base = roundToNearest(W, rows, columns, packing.base);
    const rounded = dense(base);
    const lost = W.map((value, i) => value - rounded[i]);
    const { up, down } = await lowRank(lost, rows, columns, packing.rank, undefined, { signal, multiply });
    return { packing, rows, columns, up, down, base };
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
  plan: (model, options) => planLinears(model, (weight) => packingOf(options, weight.shape, weight)),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
