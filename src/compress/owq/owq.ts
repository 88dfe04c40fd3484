/** @file OWQ (arXiv 2306.02272): the inputs whose rounding would cost most keep float16 weights. */
import * as v from 'valibot';
import type { WeightOutline } from '../../models/decoder_model.ts';
import { type Columns, type Floats, groupSize } from '../../models/packed/packing.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { number } from '../options/fields.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { keptColumns, owq as solve } from '../solvers/owq.ts';
import { columnsValues, gridOf } from '../solvers/packed_values.ts';

interface Options extends IntegerOptions {
  readonly keep: number;
}

/** Kept columns stand beside integers with float16 scales, also at 8 bits a row. */
function packingOf({ keep, bits, group, grid }: Options, columns: number, floats: Floats, source: WeightOutline) {
  const integers = integerPacking({ bits, group, grid }, source);
  const zero = integers.zero === 'symmetric' ? 'integer' : integers.zero;
  const rest = { ...integers, zero, scale: 'F16' } as const;
  return { kind: 'columns', columns: keptColumns(keep, columns), rest, floats } as const satisfies Columns;
}

const linears: LinearMethod<Options> = {
  statistics: () => ['gram'],
  async change({ W, rows, columns, source, use }, { gram }, options, { linalg }) {
    const packing = packingOf(options, columns, use.floats, source);
    const settings = { grid: gridOf(packing.rest), group: groupSize(packing.rest, columns) };
    const found = await solve(W, rows, columns, gram as Float64Array, options.keep, settings, linalg);
    return columnsValues(found, rows, columns, packing);
  },
};

export const owq: Method<Options> = {
  name: 'owq',
  about: {
    label: 'OWQ',
    paper: 'arXiv 2306.02272',
    group: 'quantise',
    help: 'GPTQ with a few inputs left out: those that lose most keep float16 weights. Pays at 3 bits and below, where a hundredth of the inputs does most of the harm.',
  },
  options: v.strictObject({
    bits: BITS,
    group: GROUP,
    keep: number(
      { label: 'Keep', help: 'Share of the inputs of each linear whose weights stay float16.' },
      { min: 0, max: 0.5, value: 0.01 },
    ),
    grid: GRID,
  }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) =>
    planLinears(model, (weight, { floats }) => packingOf(options, weight.shape[1], floats, weight)),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
