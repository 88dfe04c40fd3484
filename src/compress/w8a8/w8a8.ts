/**
 * @file 8-bit weights and 8-bit activations (SmoothQuant, arXiv 2211.10438): a float32 scale an output row, and one a token that
 * is found as the model runs. `smooth` moves large features from what is read into the weights before both are rounded.
 */
import * as v from 'valibot';
import { INT8_ROW } from '../../models/packed/packing.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import { type ChangedTogether, type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { numberOr } from '../options/fields.ts';
import { scaled } from '../solvers/awq.ts';
import { nearestValues } from '../solvers/packed_values.ts';
import { smoothScale } from '../solvers/smoothquant.ts';

interface Options {
  readonly smooth: number | 'none';
}

const INPUT = { kind: 'token', bits: 8 } as const;

const linears: LinearMethod<Options> = {
  statistics: ({ smooth }) => (smooth === 'none' ? [] : ['range']),
  input: () => INPUT,
  changeTogether(inputs, { largest }, { smooth }): ChangedTogether {
    const [{ columns, use }] = inputs;
    // Only behind a norm, as in the paper: what o and down read is not theirs alone.
    const scale =
      smooth !== 'none' && largest && use.scale_place?.endsWith('layernorm')
        ? smoothScale(inputs, columns, largest, smooth)
        : undefined;
    const rounded = inputs.map(({ W, rows, columns }) =>
      nearestValues(scale ? scaled(W, scale) : W, rows, columns, INT8_ROW),
    );
    return { linears: rounded, ...(scale && { divideInputs: scale }) };
  },
};

export const w8a8: Method<Options> = {
  name: 'w8a8',
  about: {
    label: 'W8A8 (SmoothQuant)',
    paper: 'arXiv 2211.10438',
    group: 'quantise',
    help: 'Weights and activations in 8 bits, so that products are made of whole numbers: a scale a row of weights, and one a token as the model runs. As ONNX it multiplies int8 by int8.',
  },
  options: v.strictObject({
    smooth: numberOr(
      {
        label: 'Smooth',
        help: 'How much of the activations’ outliers goes over to the weights, through the norm before them: 0.5 halves both. none: nothing moves and no text is needed.',
      },
      ['none'],
      { min: 0, max: 1, value: 0.5 },
    ),
  }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model) => planLinears(model, () => INT8_ROW, INPUT),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
