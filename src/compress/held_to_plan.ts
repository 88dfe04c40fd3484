/** @file What a pass built is held to its plan. */
import type { ModelOutline } from '../models/decoder_model.ts';
import { outlineDifference } from '../models/map_weights.ts';
import { countParameters, packedModelBytes } from '../models/model_size.ts';
import type { AnyMethod, AnyStep } from './method.ts';

/** What differs, as words behind "made"; undefined where all is as planned. */
export function planDifference(
  { spreads }: AnyMethod,
  { options }: AnyStep,
  made: ModelOutline,
  planned: ModelOutline,
): string | undefined {
  if (!spreads?.(options)) return outlineDifference(made, planned);
  for (const [what, of] of [
    ['parameters', countParameters],
    ['bytes', packedModelBytes],
  ] as const) {
    if (of(made) !== of(planned)) return `${of(made)} ${what} where ${of(planned)} were expected`;
  }
  return undefined;
}
