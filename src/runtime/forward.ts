/**
 * @file The forward pass of one decoder layer on a backend. Dense and sliced layers run through the same code:
 * `h = x·attn_shortcut_Q + attn(norm(x))`, `y = h·mlp_shortcut_Q + mlp(norm(h))`.
 */
import type { Tensor } from '../backend/backend.ts';
import type { Attention, Rotary } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import type { DeviceAttention, DeviceLinear, DeviceMlp, DeviceNorm } from './weights.ts';

/** cos and sin of every position and frequency, (seqlen, dim/2), computed in f64. */
export interface RotaryTable {
  cos: Tensor;
  sin: Tensor;
}

/** Rotary frequencies θ^(−2i/dim) (RoFormer, arXiv 2104.09864, §3.2.2). */
export function rotaryTable(arena: Arena, rotary: Rotary, seqlen: number): RotaryTable {
  const half = rotary.dim / 2;
  const cos = new Float32Array(seqlen * half);
  const sin = new Float32Array(seqlen * half);
  for (let position = 0; position < seqlen; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * rotary.theta ** ((-2 * i) / rotary.dim);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  const { backend } = arena;
  return {
    cos: arena.own(backend.fromArray(cos, [seqlen, half], 'rotary_cos')),
    sin: arena.own(backend.fromArray(sin, [seqlen, half], 'rotary_sin')),
  };
}

/** Activations that calibration may look at, in the order they arise in a layer. */
export type TapName =
  | 'residual' // input of the attention norm
  | 'attention_input' // after it: what q, k and v read
  | 'o_proj_input'
  | 'mlp_residual' // input of the MLP norm
  | 'mlp_input' // after it: what gate and up read
  | 'down_proj_input';

/** Called while work is being enqueued; a tap may enqueue kernels that read the tensor, and must not keep it. */
export type Tap = (name: TapName, states: Tensor) => void;

function normed(arena: Arena, norm: DeviceNorm, hidden_states: Tensor, name: string): Tensor {
  const output = arena.workspace(name, hidden_states.shape);
  const { weight, eps, normalized_size } = norm;
  arena.backend.rms_norm({ hidden_states, weight, eps, normalized_size, output });
  return output;
}

/** y = x·Wᵀ + b into a named workspace tensor. */
export function applyLinear(arena: Arena, linear: DeviceLinear, x: Tensor, name: string): Tensor {
  const output = arena.workspace(name, [x.shape[0], linear.weight.shape[0]]);
  arena.backend.matmul_bt({ a: x, b: linear.weight, output });
  if (linear.bias) arena.backend.add_bias({ hidden_states: output, bias: linear.bias });
  return output;
}

/** output = x·shortcut + branch. */
function addResidual(arena: Arena, x: Tensor, shortcut: Tensor | undefined, branch: Tensor, output: Tensor): void {
  const { backend } = arena;
  if (shortcut) backend.matmul({ a: x, b: shortcut, output });
  backend.add({ a: shortcut ? output : x, b: branch, output });
}

/**
 * Attention half of a layer.
 * @param x (batch·seqlen, d_in). @param output (batch·seqlen, d_mid), another tensor than `x` if there is a shortcut.
 */
export function attentionBlock(
  arena: Arena,
  spec: Attention,
  weights: DeviceAttention,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
  output: Tensor,
  tap?: Tap,
): void {
  const { backend } = arena;
  const { num_attention_heads: heads, num_key_value_heads: kv_heads, head_dim, scale } = spec;
  tap?.('residual', x);
  const input = normed(arena, weights.input_layernorm, x, 'attention_input');
  tap?.('attention_input', input);
  const query = applyLinear(arena, weights.q_proj, input, 'query');
  const key = applyLinear(arena, weights.k_proj, input, 'key');
  const value = applyLinear(arena, weights.v_proj, input, 'value');
  if (rotary) {
    backend.rotary({ states: query, ...rotary, seqlen, heads, head_dim });
    backend.rotary({ states: key, ...rotary, seqlen, heads: kv_heads, head_dim });
  }
  const mixed = arena.workspace('attention_mixed', query.shape);
  backend.attention({ query, key, value, output: mixed, seqlen, heads, kv_heads, head_dim, scale });
  tap?.('o_proj_input', mixed);
  const branch = applyLinear(arena, weights.o_proj, mixed, 'attention_output');
  addResidual(arena, x, weights.attn_shortcut_Q, branch, output);
}

/** MLP half of a layer. @param h (rows, d_mid). @param output (rows, d_out). */
export function mlpBlock(arena: Arena, weights: DeviceMlp, h: Tensor, output: Tensor, tap?: Tap): void {
  const { backend } = arena;
  tap?.('mlp_residual', h);
  const input = normed(arena, weights.post_attention_layernorm, h, 'mlp_input');
  tap?.('mlp_input', input);
  const gate = applyLinear(arena, weights.gate_proj, input, 'gate');
  const up = applyLinear(arena, weights.up_proj, input, 'up');
  const activated = arena.workspace('mlp_activated', gate.shape);
  backend.swiglu({ gate, up, output: activated });
  tap?.('down_proj_input', activated);
  const branch = applyLinear(arena, weights.down_proj, activated, 'mlp_output');
  addResidual(arena, h, weights.mlp_shortcut_Q, branch, output);
}
