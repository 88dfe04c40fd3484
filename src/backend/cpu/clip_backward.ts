/** @file CPU twin of `clip_backward`: no gradient where the clip holds. */
import { checkClipBackward } from '../shapes.ts';
import type { ClipBackwardArgs } from '../training_kernels.ts';
import { floats } from './tensor.ts';

export function clip_backward(args: ClipBackwardArgs): void {
  const { elements } = checkClipBackward(args);
  const [clipped, gradient] = [args.clipped, args.gradient].map(floats);
  // In the precision of the tensor: what was clipped holds the rounded limit.
  const limit = clipped instanceof Float32Array ? Math.fround(args.limit) : args.limit;
  for (let i = 0; i < elements; i++) if (Math.abs(clipped[i]) >= limit) gradient[i] = 0;
}
