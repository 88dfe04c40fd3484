/** @file OWQ (arXiv 2306.02272): the inputs whose rounding would cost most keep float16 weights. */
import * as v from 'valibot';
import type { WeightOutline } from '../../models/decoder_model.ts';
import { type Columns, type Floats, groupSize, groupsOf } from '../../models/packed/packing.ts';
import type { ColumnsValues, GroupedValues } from '../../models/packed/values.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { sourceIntegers } from '../layerwise/source_blocks.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { number } from '../options/fields.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { toHalf } from '../solvers/grid.ts';
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
  async change(linear, { gram }, options, { linalg }) {
    const { W, rows, columns, source, use } = linear;
    const packing = packingOf(options, columns, use.floats, source);
    const own = await sourceIntegers(linear, packing.rest);
    if (own) return besideLast(W, own, packing);
    const settings = { grid: gridOf(packing.rest), group: groupSize(packing.rest, columns) };
    const found = await solve(W, rows, columns, gram as Float64Array, options.keep, settings, linalg);
    return columnsValues(found, rows, columns, packing);
  },
};

/**
 * Of a file's own codes, which lose nothing whichever inputs are kept: the last ones are, so that the groups of the others stay
 * as they are.
 */
function besideLast(W: Float64Array, own: GroupedValues, packing: Columns): ColumnsValues {
  const { rows, columns } = own;
  const others = columns - packing.columns;
  const [all, groups] = [groupsOf(own.packing, columns), groupsOf(packing.rest, others)];
  const cut = (values: Float64Array) =>
    Float64Array.from({ length: rows * groups }, (_, i) => values[Math.floor(i / groups) * all + (i % groups)]);
  const indices = Uint16Array.from({ length: packing.columns }, (_, i) => others + i);
  const kept = new Float64Array(rows * packing.columns);
  const codes = new Uint8Array(rows * others);
  for (let row = 0; row < rows; row++) {
    codes.set(own.codes.subarray(row * columns, row * columns + others), row * others);
    for (const [i, column] of indices.entries()) kept[row * indices.length + i] = toHalf(W[row * columns + column]);
  }
  const rest = { packing: packing.rest, rows, columns: others, codes, scales: cut(own.scales), zeros: cut(own.zeros!) };
  return { packing, rows, columns, indices, kept, rest };
}

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
