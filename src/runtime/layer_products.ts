/**
 * @file How the products of a layer read and write the residual stream. What stands before or behind a product and can be
 * done while it loads or stores is done there, so that fewer tensors are written only to be read once: a norm without
 * weight scales the product's rows, a gate multiplies what is stored, and a branch is added right onto the residual.
 */
import type { Gate, Tensor } from '../backend/backend.ts';
import type { InputQuantization } from '../models/input_quantization.ts';
import type { Arena } from './arena.ts';
import { isRoundedAlike, quantizedInput } from './quantized_input.ts';
import type { DeviceLinear, DeviceNorm } from './weights.ts';

/** norm(x), as products read it. */
export interface ProductInput {
  /** The normed states, or x itself with `row_scale`. */
  states: Tensor;
  /** (rows, 1): products of x have their rows multiplied by this. */
  row_scale?: Tensor;
  /** Rows of a window; absent: all rows are one. */
  seqlen?: number;
  /** `states` as the linear before rounded them: its siblings mostly want the same. */
  rounded?: { readonly input: InputQuantization; readonly states: Tensor };
}

/** norm(x) into `output`, which is shaped as x. */
export function applyNorm(arena: Arena, norm: DeviceNorm, hidden_states: Tensor, output: Tensor): void {
  const { kind, weight, bias, eps, normalized_size } = norm;
  if (kind === 'layer_norm') arena.backend.layer_norm({ hidden_states, weight, bias, eps, output });
  else arena.backend.rms_norm({ hidden_states, weight, bias, eps, normalized_size, output });
}

function normed(arena: Arena, norm: DeviceNorm | undefined, hidden_states: Tensor, name: string): Tensor {
  if (!norm) return hidden_states;
  const output = arena.workspace(name, hidden_states.shape);
  applyNorm(arena, norm, hidden_states, output);
  return output;
}

/** @param isTapped The normed states themselves are wanted: by a tap, or by linears that round them. */
export function productInput(
  arena: Arena,
  norm: DeviceNorm | undefined,
  x: Tensor,
  name: string,
  isTapped: boolean,
): ProductInput {
  const isScaleFree = norm?.kind === 'rms_norm' && !norm.weight && !norm.bias;
  if (!isScaleFree || isTapped) return { states: normed(arena, norm, x, name) };
  const { eps, normalized_size } = norm;
  const row_scale = arena.workspace(`${name}_scale`, [x.shape[0], 1]);
  arena.backend.rms_scale({ hidden_states: x, eps, normalized_size, output: row_scale });
  return { states: x, row_scale };
}

/** y = x·Wᵀ + b into a named workspace tensor. @param gate Of a linear without bias: y ⊙ act(gate) is written. */
export function applyLinear(
  arena: Arena,
  linear: DeviceLinear,
  input: ProductInput,
  name: string,
  gate?: Gate,
): Tensor {
  const states = readStates(arena, linear, input);
  const { row_scale } = input;
  const output = arena.workspace(name, [states.shape[0], linear.weight.shape[0]]);
  arena.backend.matmul_bt({ a: states, b: linear.weight, output, row_scale, gate });
  if (linear.bias) arena.backend.add_bias({ hidden_states: output, bias: linear.bias });
  return output;
}

/** What the linear multiplies: its input, or that rounded. */
export function readStates(arena: Arena, { input: wanted }: DeviceLinear, input: ProductInput): Tensor {
  const { states, rounded, seqlen = states.shape[0] } = input;
  if (!wanted) return states;
  if (rounded && isRoundedAlike(rounded.input, wanted.spec)) return rounded.states;
  const made = quantizedInput(arena, wanted, states, seqlen);
  input.rounded = { input: wanted.spec, states: made };
  return made;
}

/** What a residual connection carries: x·shortcut in a new tensor, and x is freed; x itself where there is no matrix. */
export function residual(arena: Arena, x: Tensor, shortcut: Tensor | undefined): Tensor {
  if (!shortcut) return x;
  const output = arena.empty([x.shape[0], shortcut.shape[1]], 'hidden_states');
  arena.backend.matmul({ a: x, b: shortcut, output });
  arena.free(x);
  return output;
}

/**
 * sum += m · norm(states·Wᵀ + b): what both kinds of branches end in, with norm and multiplier where the family has them.
 * @param seqlen Rows of a window; absent: all are one.
 */
export function addBranch(
  arena: Arena,
  linear: DeviceLinear,
  { output_norm, residual_multiplier: factor = 1 }: { output_norm?: DeviceNorm; residual_multiplier?: number },
  states: Tensor,
  sum: Tensor,
  name: string,
  seqlen?: number,
): void {
  const { backend } = arena;
  const input = { states, ...(seqlen !== undefined && { seqlen }) };
  if (!output_norm && factor === 1) {
    backend.matmul_bt({ a: readStates(arena, linear, input), b: linear.weight, output: sum, accumulate: true });
    if (linear.bias) backend.add_bias({ hidden_states: sum, bias: linear.bias });
    return;
  }
  const branch = normed(arena, output_norm, applyLinear(arena, linear, input, name), `${name}_normed`);
  if (factor !== 1) backend.scale({ hidden_states: branch, factor });
  backend.add({ a: sum, b: branch, output: sum });
}
