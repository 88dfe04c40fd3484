/** @file GPTQ (arXiv 2210.17323): each input's rounding error is made up for by the inputs that are still to be rounded. */
import * as v from 'valibot';
import type { WeightOutline } from '../../models/decoder_model.ts';
import { type Grouped, groupSize } from '../../models/packed/packing.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { sourceIntegers } from '../layerwise/source_blocks.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, type LinearUse, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { choice, flag, number } from '../options/fields.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { MIX, type MixOptions, mixedOptions, mixRefusal } from '../options/mix.ts';
import { deltaGram } from '../solvers/drift.ts';
import { type GptqOrder, gptq as solve } from '../solvers/gptq.ts';
import { gridOf, groupedValues, nearestValues } from '../solvers/packed_values.ts';

interface Options extends IntegerOptions, MixOptions {
  readonly order: GptqOrder;
  readonly params: 'ahead' | 'lazy';
  readonly delta: boolean;
  readonly damping: number;
}

const DAMPING = number(
  { label: 'Damping', help: 'Share of the mean diagonal that is added to the Gram, so that it can be inverted.' },
  { min: 1e-6, max: 1, value: 0.01 },
);

/** With `dynamic`, the file says in which order the inputs are. */
function packingOf(options: Options, source: WeightOutline, use: LinearUse): Grouped {
  const packing = integerPacking(mixedOptions(options, use), source);
  return options.order === 'dynamic' && packing.zero !== 'symmetric' ? { ...packing, ordered: true } : packing;
}

const linears: LinearMethod<Options> = {
  statistics: ({ delta }) => (delta ? ['gram', 'cross'] : ['gram']),
  async change(linear, statistics, options, { linalg }) {
    const { W, rows, columns, source, use } = linear;
    const { order, params, damping, delta } = options;
    const packing = packingOf(options, source, use);
    // Towards the dense model's outputs there may be something to gain even so.
    const own = delta ? undefined : await sourceIntegers(linear, packing);
    if (own) return own;
    // A symmetric grid of 8 bits holds every weight to 1/254 of its group's largest: nothing is left to make up for.
    if (packing.zero === 'symmetric') return nearestValues(W, rows, columns, packing);
    const grid = { grid: gridOf(packing), group: groupSize(packing, columns) };
    const settings = {
      ...grid,
      order,
      params,
      damping,
      consumes: true,
      ...(delta && { deltaGram: deltaGram(statistics) }),
    };
    return groupedValues(await solve(W, rows, columns, statistics.gram as Float64Array, settings, linalg), packing);
  },
};

export const gptq: Method<Options> = {
  name: 'gptq',
  about: {
    label: 'GPTQ',
    paper: 'arXiv 2210.17323',
    group: 'quantise',
    help: 'Grouped integers; what rounding one input does wrong, the inputs after it make up for, as the text uses them. The best of one-shot integers at 4 bits, and far better than rounding alone at 3 and 2.',
  },
  options: v.strictObject({
    bits: BITS,
    group: GROUP,
    grid: GRID,
    order: choice(
      {
        label: 'Order',
        help: 'In which inputs are rounded: as they stand; the busiest first with groups as they stand (static); or with groups formed in that order, which the file must then hold (dynamic).',
      },
      ['natural', 'static', 'dynamic'],
      'natural',
    ),
    params: choice(
      {
        label: 'Grids',
        help: 'When a group’s grid is found: from weights that have every update (ahead), or as the official code does, without those of their own block of 128 (lazy).',
      },
      ['ahead', 'lazy'],
      'ahead',
    ),
    delta: flag(
      {
        label: 'Drift',
        help: 'Rounds towards what the dense model’s own inputs would give (GPTAQ, arXiv 2504.02692). The text goes through the dense model, too.',
      },
      false,
    ),
    damping: DAMPING,
    mix: MIX,
  }),
  takes: ['correct'],
  comparesDense: ({ delta }) => (delta ? 'delta=false' : undefined),
  refusal: (model, { mix }) => mixRefusal(model, mix),
  plan: (model, options) => planLinears(model, (weight, use) => packingOf(options, weight, use)),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
