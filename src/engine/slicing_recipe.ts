/** @file The recipe that the slider and `--sparsity` are short for. */
import type { SlicegptOptions } from '../compress/slicegpt/method.ts';
import type { Commands } from './protocol.ts';

/** Request of `compress` for one `slicegpt` step. */
export function slicingRecipe(options: SlicegptOptions): Commands['compress']['request'] {
  return { steps: [{ method: 'slicegpt', options: { ...options } }] };
}
