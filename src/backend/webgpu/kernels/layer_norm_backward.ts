/** @file The gradient of LayerNorm by its input; see shaders/layer_norm_backward.wgsl. */
import source from '../../../../shaders/layer_norm_backward.wgsl?raw';
import { checkNormBackward } from '../../shapes.ts';
import type { LayerNormBackwardArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';

export const layerNormBackwardKernel = defineKernel({
  name: 'layer_norm_backward',
  source,
  storage: { hidden_states: 'read', weight: 'read', grad_output: 'read', grad_input: 'read_write' },
  params: { rows: 'u32', d: 'u32', eps: 'f32' },
  overrides: { WORKGROUP_SIZE: 64, HAS_WEIGHT: 1, ACCUMULATE: 0 },
  grid: ({ rows }) => rows,
  work: ({ rows, d }) => 8 * rows * d,
});

export function layer_norm_backward(context: GpuContext, args: LayerNormBackwardArgs): void {
  const { hidden_states, grad_output, grad_input, eps } = args;
  // A binding without its tensor is filled with one that the kernel does not read as such.
  const { weight = hidden_states } = args;
  const call = {
    hidden_states,
    weight,
    grad_output,
    grad_input,
    eps,
    ...checkNormBackward('layer_norm_backward', args),
  };
  const used = { HAS_WEIGHT: args.weight ? 1 : 0, ACCUMULATE: args.accumulate ? 1 : 0 };
  // Where barriers are slow a thread has a row for itself.
  layerNormBackwardKernel(context, call, context.isFallbackAdapter ? { ...used, WORKGROUP_SIZE: 1 } : used);
}
