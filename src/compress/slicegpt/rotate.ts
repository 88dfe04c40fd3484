/**
 * @file Rotation and slicing of weights (SliceGPT §3.3–3.4). A basis is a matrix Q with orthonormal columns and the
 * number of leading columns that are kept; slicing is a product with those.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { DeviceLinear, DeviceNorm } from '../../runtime/weights.ts';

export interface Basis {
  /** (D, d or more). */
  Q: Tensor;
  /** d ≤ D. */
  dimension: number;
}

/**
 * `(W·diag(γ)·Q)[:, :d]` for a linear that reads the residual stream behind a norm, and `b + W·β`. The bias is a new
 * tensor where β is there, else the linear's own.
 */
export function rotateInput(
  arena: Arena,
  linear: DeviceLinear,
  norm: DeviceNorm | undefined,
  basis: Basis,
): DeviceLinear {
  const weight = rotateRows(arena, linear.weight, norm?.weight, basis, 'rotated_input_weight');
  return { weight, bias: norm?.bias ? fusedBias(arena, linear, norm.bias) : linear.bias };
}

/** `(W·diag(γ)·Q)[:, :d]` of some rows W. */
export function rotateRows(
  arena: Arena,
  weight: Tensor,
  gamma: Tensor | undefined,
  basis: Basis,
  label: string,
): Tensor {
  const { backend } = arena;
  const rotated = arena.empty([weight.shape[0], basis.dimension], label);
  if (!gamma) {
    backend.matmul({ a: weight, b: basis.Q, output: rotated });
    return rotated;
  }
  const scaled = arena.empty(weight.shape, 'fused_weight');
  backend.scale_columns({ weight, scale: gamma, output: scaled });
  backend.matmul({ a: scaled, b: basis.Q, output: rotated });
  arena.free(scaled);
  return rotated;
}

/** b + W·β, (out): the bias that a linear gets from the norm it reads. */
export function fusedBias(arena: Arena, { weight, bias }: DeviceLinear, beta: Tensor): Tensor {
  const { backend } = arena;
  const row = arena.empty([1, beta.shape[0]], 'norm_bias_row');
  backend.copy(beta, row);
  const product = arena.empty([1, weight.shape[0]], 'fused_bias_row');
  backend.matmul_bt({ a: row, b: weight, output: product });
  if (bias) backend.add_bias({ hidden_states: product, bias });
  const fused = arena.empty([weight.shape[0]], 'fused_bias');
  backend.copy(product, fused);
  arena.free(row, product);
  return fused;
}

/** `(Qᵀ·W)[:d, :]` and `(Qᵀ·b)[:d]` for a linear that writes into the residual stream. */
export function rotateOutput(arena: Arena, linear: DeviceLinear, basis: Basis): DeviceLinear {
  const { backend } = arena;
  const weight = arena.empty([basis.dimension, linear.weight.shape[1]], 'rotated_output_weight');
  backend.matmul_at({ a: basis.Q, b: linear.weight, output: weight });
  if (!linear.bias) return { weight };
  const size = linear.bias.shape[0];
  const row = arena.empty([1, size], 'bias_row');
  backend.copy(linear.bias, row);
  const rotated = arena.empty([1, basis.dimension], 'rotated_bias_row');
  backend.matmul({ a: row, b: basis.Q, output: rotated });
  const bias = arena.empty([basis.dimension], 'rotated_bias');
  backend.copy(rotated, bias);
  arena.free(row, rotated);
  return { weight, bias };
}

/** `Q_fromᵀ[:d_from, :]·Q_to[:, :d_to]`: the matrix that a residual connection carries. */
export function shortcut(arena: Arena, from: Basis, to: Basis): Tensor {
  const output = arena.empty([from.dimension, to.dimension], 'shortcut_Q');
  arena.backend.matmul_at({ a: from.Q, b: to.Q, output });
  return output;
}

/** `x·Q[:, :d]`. */
export function intoBasis(arena: Arena, x: Tensor, basis: Basis, label: string): Tensor {
  const output = arena.empty([x.shape[0], basis.dimension], label);
  arena.backend.matmul({ a: x, b: basis.Q, output });
  return output;
}

/** The standard basis, kept whole: what the residual stream ends in when the head is the original table. */
export function identityBasis(arena: Arena, size: number): Basis {
  const values = new Float32Array(size * size);
  for (let i = 0; i < size; i++) values[i * size + i] = 1;
  return { Q: arena.own(arena.backend.fromArray(values, [size, size], 'identity_Q')), dimension: size };
}
