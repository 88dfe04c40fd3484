/** @file The gradient of cross-entropy by a block of logits; see shaders/cross_entropy_backward.wgsl. */
import source from '../../../../shaders/cross_entropy_backward.wgsl?raw';
import { checkCrossEntropyBackward } from '../../shapes.ts';
import type { CrossEntropyBackwardArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const crossEntropyBackwardKernel = defineKernel({
  name: 'cross_entropy_backward',
  source,
  storage: { target_ids: 'read', state: 'read', weights: 'read', logits: 'read_write' },
  params: { elements: 'u32', n: 'u32', first_column: 'u32', factor: 'f32', soft_cap: 'f32' },
  overrides: { WORKGROUP_SIZE: 64, HAS_SOFT_CAP: 0 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function cross_entropy_backward(context: GpuContext, args: CrossEntropyBackwardArgs): void {
  const { rows, n } = checkCrossEntropyBackward(args);
  const { target_ids, state, weights, logits, first_column, factor = 1, soft_cap = 1 } = args;
  const call = { target_ids, state, weights, logits, elements: rows * n, n, first_column, factor, soft_cap };
  crossEntropyBackwardKernel(context, call, { HAS_SOFT_CAP: args.soft_cap === undefined ? 0 : 1 });
}
