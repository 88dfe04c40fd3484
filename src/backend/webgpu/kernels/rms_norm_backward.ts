/** @file The gradient of RMSNorm by its input; see shaders/rms_norm_backward.wgsl. */
import source from '../../../../shaders/rms_norm_backward.wgsl?raw';
import { checkRmsNormBackward } from '../../shapes.ts';
import type { RmsNormBackwardArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';

export const rmsNormBackwardKernel = defineKernel({
  name: 'rms_norm_backward',
  source,
  storage: { hidden_states: 'read', weight: 'read', grad_output: 'read', grad_input: 'read_write' },
  params: { rows: 'u32', d: 'u32', normalized_size: 'f32', eps: 'f32' },
  overrides: { WORKGROUP_SIZE: 64, HAS_WEIGHT: 1, ACCUMULATE: 0 },
  grid: ({ rows }) => rows,
  work: ({ rows, d }) => 8 * rows * d,
});

export function rms_norm_backward(context: GpuContext, args: RmsNormBackwardArgs): void {
  const { hidden_states, grad_output, grad_input, normalized_size, eps } = args;
  // A binding without its tensor is filled with one that the kernel does not read as such.
  const { weight = hidden_states } = args;
  const call = { hidden_states, weight, grad_output, grad_input, normalized_size, eps, ...checkRmsNormBackward(args) };
  const used = { HAS_WEIGHT: args.weight ? 1 : 0, ACCUMULATE: args.accumulate ? 1 : 0 };
  // Where barriers are slow a thread has a row for itself.
  rmsNormBackwardKernel(context, call, context.isFallbackAdapter ? { ...used, WORKGROUP_SIZE: 1 } : used);
}
