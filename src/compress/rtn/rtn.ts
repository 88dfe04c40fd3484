/** @file Round to nearest: each weight to the nearest point of its group's grid. The smallest method, and what others are measured by. */
import * as v from 'valibot';
import { planLinears } from '../layerwise/plan_linears.ts';
import { sourceIntegers } from '../layerwise/source_blocks.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { nearestValues } from '../solvers/packed_values.ts';

const linears: LinearMethod<IntegerOptions> = {
  statistics: () => [],
  async change(linear, _, options) {
    const { W, rows, columns, source } = linear;
    const packing = integerPacking(options, source);
    return (await sourceIntegers(linear, packing)) ?? nearestValues(W, rows, columns, packing);
  },
};

export const rtn: Method<IntegerOptions> = {
  name: 'rtn',
  about: {
    label: 'Round to nearest',
    group: 'quantise',
    help: 'Every linear in grouped integers, each weight rounded by itself. Needs no text and takes seconds; 8 bits cost next to nothing, below 4 bits other methods are far better.',
  },
  options: v.strictObject({ bits: BITS, group: GROUP, grid: GRID }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) => planLinears(model, (weight) => integerPacking(options, weight)),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
