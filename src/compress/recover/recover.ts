/**
 * @file Recovery of a sliced model, a follower of `slicegpt`: closed-form least squares on its way, without a reverse pass.
 * `slicegpt/recovery.ts` has the streams, `slicegpt/recovery_fit.ts` the formula.
 */
import * as v from 'valibot';
import type { Method } from '../method.ts';
import { flag, numberOr } from '../options/fields.ts';
import type { RecoverOptions } from '../slicegpt/recovery.ts';

const RIDGE_LIMITS = { min: 0, max: 1000, value: 'auto' } as const;

export const recover: Method<RecoverOptions> = {
  name: 'recover',
  about: {
    label: 'Recover',
    group: 'recover',
    help: 'While slicegpt slices, least squares refit shortcuts and output projections so that the sliced stream gives the dense one again. Costs no byte, and takes back about a third of the divergence that slicing made.',
  },
  options: v.strictObject({
    ridge: numberOr(
      {
        label: 'Ridge',
        help: 'How strongly the weights are held where slicing puts them, in shares of each input’s energy. auto: of a few, the one that does best on calibration windows which it was not fitted to. Small ones need many tokens.',
      },
      ['auto'],
      RIDGE_LIMITS,
    ),
    inputs: flag(
      {
        label: 'Inputs too',
        help: 'Refits q, k, v, gate and up as well, towards their own outputs in the dense model. A little better, and slower.',
      },
      false,
    ),
    input_ridge: numberOr(
      { label: 'Ridge of inputs', help: 'As ridge, of what inputs refits.' },
      ['auto'],
      RIDGE_LIMITS,
    ),
  }),
  role: 'follower',
  refusal: () => undefined,
  plan: (model) => model,
};
