/**
 * @file LLM.int8() (arXiv 2208.07339): weights and activations in 8 bits, but for the few features that reach a threshold
 * somewhere in a window: those stay floats.
 */
import * as v from 'valibot';
import type { InputQuantization } from '../../models/input_quantization.ts';
import { INT8_ROW } from '../../models/packed/packing.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { layerwise } from '../layerwise.ts';
import { type LinearMethod, readsOf } from '../layerwise_types.ts';
import type { Method } from '../method.ts';
import { number } from '../options/fields.ts';
import { nearestValues } from '../solvers/packed_values.ts';

interface Options {
  readonly threshold: number;
}

function inputOf({ threshold }: Options): InputQuantization {
  return { kind: 'token', bits: 8, keep_above: threshold };
}

const linears: LinearMethod<Options> = {
  statistics: () => [],
  input: (_, options) => inputOf(options),
  change: ({ W, rows, columns }) => nearestValues(W, rows, columns, INT8_ROW),
};

export const llmInt8: Method<Options> = {
  name: 'llm_int8',
  about: {
    label: 'LLM.int8()',
    paper: 'arXiv 2208.07339',
    group: 'quantise',
    help: 'Weights and activations in 8 bits; features with an outlier anywhere in a window stay floats. Needs no text, and outliers do it no harm; w8a8 with smooth is the faster way to the same end.',
  },
  options: v.strictObject({
    threshold: number(
      { label: 'Threshold', help: 'Features that reach it in any token of a window are multiplied as floats.' },
      { min: 0.01, max: 10_000, value: 6 },
    ),
  }),
  takes: ['correct'],
  refusal: () => undefined,
  plan: (model, options) => planLinears(model, () => INT8_ROW, inputOf(options)),
  reads: readsOf(linears),
  run: (model, options, context) => layerwise(linears, model, options, context),
};
