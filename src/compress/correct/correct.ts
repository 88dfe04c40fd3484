/**
 * @file Correction towards the dense stream, a modifier: `layerwise/correction.ts` has the formula. Same bytes, no reverse
 * pass; it needs the Gram and a solve that the methods behind it mostly need anyway.
 */
import * as v from 'valibot';
import type { Method } from '../method.ts';
import { numberOr } from '../options/fields.ts';

export interface CorrectOptions {
  readonly ridge: number | 'auto';
}

export const correct: Method<CorrectOptions> = {
  name: 'correct',
  about: {
    label: 'Correct',
    group: 'recover',
    help: 'Before the next step changes a linear, least squares move its weights to what gives the dense model’s signal from the inputs that the compressed model really has. Costs no byte and lowers the divergence nearly everywhere.',
  },
  options: v.strictObject({
    ridge: numberOr(
      {
        label: 'Ridge',
        help: 'How strongly the weights are held where they are, in shares of each input’s energy. auto: of a few, the one that does best on calibration windows which it was not fitted to.',
      },
      ['auto'],
      { min: 0, max: 1000, value: 'auto' },
    ),
  }),
  role: 'modifier',
  refusal: () => undefined,
  plan: (model) => model,
};
