/** @file What no gradient goes through. */
import type { ModelOutline } from '../../models/decoder_model.ts';
import { layerLinears, linearOf, linearPath } from '../layerwise/half.ts';

/** A sentence's second half, where the reverse pass of the method does not go through. */
export function gradientRefusal(model: ModelOutline, method: string): string | undefined {
  for (const layer of model.layers) {
    const rounded = layerLinears(layer).find((name) => linearOf(layer, name).input);
    if (rounded) {
      return `${linearPath(layer.index, rounded)} rounds what it reads, through which no gradient goes. Put ${method} before the step that rounds`;
    }
  }
  return undefined;
}
