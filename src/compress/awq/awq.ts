/**
 * @file AWQ (arXiv 2306.00978): inputs that carry much are scaled up before rounding, and what makes them is scaled down, so
 * that they lose less. One scale serves all linears that read the same inputs.
 */
import * as v from 'valibot';
import { type Grouped, groupSize } from '../../models/packed/packing.ts';
import type { PackedValues } from '../../models/packed/values.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { sourceIntegers } from '../layerwise/source_blocks.ts';
import { layerwise } from '../layerwise.ts';
import { type ChangedTogether, type LinearInput, type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { flag } from '../options/fields.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { awqScale, clippedRounding, scaled } from '../solvers/awq.ts';
import { gridOf, groupedValues, nearestValues } from '../solvers/packed_values.ts';

interface Options extends IntegerOptions {
  readonly clip: boolean;
}

/** Queries and keys meet in a product of both: the official code leaves their ranges alone. */
const NEVER_CLIPPED: ReadonlySet<string> = new Set(['q_proj', 'k_proj']);

const linears: LinearMethod<Options> = {
  statistics: () => ['gram', 'means'],
  async changeTogether(inputs, { gram, magnitudes, tokens }, options, { linalg, breathe }): Promise<ChangedTogether> {
    const [{ columns, use }] = inputs;
    const G = gram as Float64Array;
    const packings = inputs.map(({ source }) => integerPacking(options, source));
    const [packing] = packings;
    const own = await Promise.all(inputs.map((input, i) => sourceIntegers(input, packings[i])));
    // Nothing is lost that a scale could save; and one scale serves them all.
    if (own.every((each) => each !== undefined)) return { linears: own };
    // A symmetric grid of 8 bits holds every weight to 1/254 of its group's largest: no scale and no clipping makes that better.
    if (packings.some(({ zero }) => zero === 'symmetric'))
      return { linears: inputs.map((input, i) => nearest(input, packings[i])) };
    const group = groupSize(packing, columns);
    const matrices = inputs.map(({ W, rows }) => ({ values: W, rows }));
    const mean = (magnitudes as Float64Array).map((sum) => sum / tokens);
    const { ratio, scale } = use.scale_place
      ? await awqScale(matrices, columns, mean, G, group, gridOf(packing), linalg)
      : { ratio: 0, scale: new Float64Array(columns).fill(1) };
    const inner = G.map((value, i) => value / scale[Math.floor(i / columns)] / scale[i % columns]);
    const found: PackedValues[] = [];
    for (const [i, input] of inputs.entries()) {
      const matrix = { values: scaled(input.W, scale), rows: input.rows };
      const isClipped = options.clip && !NEVER_CLIPPED.has(input.use.name);
      found.push(
        isClipped
          ? groupedValues(clippedRounding(matrix, columns, inner, group, gridOf(packings[i])), packings[i])
          : nearest({ ...input, W: matrix.values }, packings[i]),
      );
      await breathe();
    }
    return { linears: found, ...(ratio > 0 && { divideInputs: scale }) };
  },
};

function nearest({ W, rows, columns }: LinearInput, packing: Grouped): PackedValues {
  return nearestValues(W, rows, columns, packing);
}

export const awq: Method<Options> = {
  name: 'awq',
  about: {
    label: 'AWQ',
    paper: 'arXiv 2306.00978',
    group: 'quantise',
    help: 'Grouped integers; inputs that carry much are scaled up before rounding and scaled down where they are made, which costs nothing later. Between rounding alone and GPTQ at 4 bits; keeps closer to the weights than GPTQ, so it clings less to the calibration text.',
  },
  options: v.strictObject({
    bits: BITS,
    group: GROUP,
    clip: flag(
      {
        label: 'Clip',
        help: 'Each group’s range is narrowed to what loses least, down to half of it. Queries and keys are left alone.',
      },
      true,
    ),
    grid: GRID,
  }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) => planLinears(model, (weight) => integerPacking(options, weight)),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
