/** @file Linears, norms and residual connections backwards: what every block is made of. */
import type { Tensor } from '../../backend/backend.ts';
import type { Linear, Norm, WeightRef } from '../../models/decoder_model.ts';
import { applyLinear, readStates } from '../layer_products.ts';
import type { DeviceLinear, DeviceNorm } from '../weights.ts';
import type { BackwardContext } from './context.ts';
import { trainedBackward } from './trained.ts';

/** Where a gradient by an input goes. */
export interface GradientOutput {
  output: Tensor;
  accumulate?: boolean;
}

/**
 * Of y = x·Wᵀ + b: dx = dy·W, dW += dyᵀ·x, db += column sums of dy. Where x is rounded before the product, the gradient passes as if
 * it were not (straight through).
 * @param x What the linear reads, not rounded.
 */
export function linearBackward(
  context: BackwardContext,
  linear: Linear,
  weights: DeviceLinear,
  x: Tensor,
  dy: Tensor,
  seqlen: number,
  dx?: GradientOutput,
): void {
  const { arena, gradients, adapters } = context;
  const { backend } = arena;
  const bias = gradients.of(linear.bias);
  if (bias) backend.column_sums({ a: dy, output: bias });
  const weight = gradients.of(linear.weight);
  const adapter = adapters.get(linear.weight);
  if (weight || adapter) {
    const read = readStates(arena, weights, { states: x, seqlen });
    if (weight) backend.matmul_at({ a: dy, b: read, output: weight, accumulate: true });
    if (adapter) trainedBackward(arena, adapter, read, dy, weights.kept);
  }
  if (dx) backend.matmul({ a: dy, b: weights.weight, ...dx });
}

/**
 * Of a norm of rows, or of heads where `width` is given: gradients of weight and bias, and dx.
 * @param x What is normed.
 */
export function normBackward(
  { arena, gradients }: BackwardContext,
  norm: Norm,
  weights: DeviceNorm,
  x: Tensor,
  dy: Tensor,
  { output, accumulate = false }: GradientOutput,
  width?: number,
): void {
  const { backend } = arena;
  const { kind, eps, normalized_size, heads } = weights;
  // Where each head has a weight of its own, rows of weights are whole rows.
  const columns = heads === undefined ? width : undefined;
  const bias = gradients.of(norm.bias);
  if (bias) backend.column_sums({ a: dy, width: columns, output: bias });
  const weight = gradients.of(norm.weight);
  if (weight) {
    const normed = arena.workspace('norm_without_weight', x.shape);
    if (kind === 'layer_norm') backend.layer_norm({ hidden_states: x, eps, width, output: normed });
    else backend.rms_norm({ hidden_states: x, eps, width, normalized_size, output: normed });
    backend.column_sums({ a: dy, b: normed, width: columns, output: weight });
  }
  let [grad_output, scale] = [dy, weights.weight];
  if (heads !== undefined && scale) {
    grad_output = arena.workspace('norm_scaled_gradient', dy.shape);
    backend.scale_columns({ weight: dy, scale, output: grad_output });
    scale = undefined;
  }
  const args = { hidden_states: x, weight: scale, eps, width, grad_output, grad_input: output, accumulate };
  if (kind === 'layer_norm') backend.layer_norm_backward(args);
  else backend.rms_norm_backward({ ...args, normalized_size });
}

/** Of norm(x), which may be x itself: dx += its gradient. */
export function inputNormBackward(
  context: BackwardContext,
  norm: Norm | undefined,
  weights: DeviceNorm | undefined,
  x: Tensor,
  dy: Tensor,
  dx: Tensor,
): void {
  if (norm && weights) normBackward(context, norm, weights, x, dy, { output: dx, accumulate: true });
  else context.arena.backend.add({ a: dx, b: dy, output: dx });
}

/** How a branch ends: m · norm(states·Wᵀ + b). */
export interface Branch {
  linear: Linear;
  weights: DeviceLinear;
  norm?: Norm;
  deviceNorm?: DeviceNorm;
  factor?: number;
}

/** Of a branch's end: gives the gradient by `states`, in a workspace tensor of this name. @param dy Is left as it is. */
export function branchBackward(
  context: BackwardContext,
  { linear, weights, norm, deviceNorm, factor = 1 }: Branch,
  states: Tensor,
  dy: Tensor,
  seqlen: number,
  name: string,
): Tensor {
  const { arena } = context;
  const { backend } = arena;
  let gradient = dy;
  if (factor !== 1) {
    gradient = arena.workspace('branch_gradient', dy.shape);
    backend.copy(dy, gradient);
    backend.scale({ hidden_states: gradient, factor });
  }
  if (norm && deviceNorm) {
    const product = applyLinear(arena, weights, { states, seqlen }, 'branch_product');
    const output = arena.workspace('branch_norm_gradient', dy.shape);
    normBackward(context, norm, deviceNorm, product, gradient, { output });
    gradient = output;
  }
  const output = arena.workspace(name, states.shape);
  linearBackward(context, linear, weights, states, gradient, seqlen, { output });
  return output;
}

/**
 * Of a residual connection x·shortcut: the gradient by x, in dy itself where there is no matrix; else dy is freed.
 * @param dy Owned by the arena.
 */
export function residualBackward(
  { arena, gradients }: BackwardContext,
  ref: WeightRef | undefined,
  shortcut: Tensor | undefined,
  x: Tensor,
  dy: Tensor,
): Tensor {
  if (!shortcut) return dy;
  const { backend } = arena;
  const gradient = gradients.of(ref);
  if (gradient) backend.matmul_at({ a: x, b: dy, output: gradient, accumulate: true });
  const output = arena.empty(x.shape, 'grad_states');
  backend.matmul_bt({ a: dy, b: shortcut, output });
  arena.free(dy);
  return output;
}
