/** @file OWQ (arXiv 2306.02272): the inputs whose rounding would cost most keep float16 weights. */
import * as v from 'valibot';
import type { Columns } from '../../models/packed/packing.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { number } from '../options/fields.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { keptColumns, owq as solve } from '../solvers/owq.ts';

interface Options extends IntegerOptions {
  readonly keep: number;
}

/** Kept weights are float16 beside integers with float16 scales; a symmetric row of 8 bits has no place for them. */
function packingOf(options: Options, columns: number, source: Parameters<typeof integerPacking>[1]): Columns {
  return { kind: 'columns', columns: keptColumns(options.keep, columns), rest: integerPacking(options, source) };
}

const linears: LinearMethod<Options> = {
  statistics: () => ['gram'],
  change({ W, rows, columns, source }, { gram }, options, { signal, multiply }) {
    const { rest } = packingOf(options, columns, source);
    return solve(W, rows, columns, gram as Float64Array, options.keep, { packing: rest }, { signal, multiply });
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
  plan: (model, options) => planLinears(model, (weight) => packingOf(options, weight.shape[1], weight)),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
