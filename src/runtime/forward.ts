/**
 * @file The forward pass of one decoder layer on a backend. Dense and sliced layers of every family run through the same
 * code; {@link DecoderLayer} has the formulas.
 */
import type { Tensor } from '../backend/backend.ts';
import type { Attention, Mlp, Rotary } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import type { DeviceAttention, DeviceLayer, DeviceLinear, DeviceMlp, DeviceNorm } from './weights.ts';

/** cos and sin of every position and frequency, (seqlen, dim/2), computed in f64. */
export interface RotaryTable {
  cos: Tensor;
  sin: Tensor;
  interleaved: boolean;
}

/** cos and sin of position · inv_freq (RoFormer, arXiv 2104.09864, §3.2.2). */
export function rotaryTable(arena: Arena, rotary: Rotary, seqlen: number): RotaryTable {
  const half = rotary.dim / 2;
  const { inv_freq, attention_factor } = rotary.long && seqlen > rotary.long.beyond ? rotary.long : rotary;
  const cos = new Float64Array(seqlen * half);
  const sin = new Float64Array(seqlen * half);
  for (let position = 0; position < seqlen; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * inv_freq[i];
      cos[position * half + i] = attention_factor * Math.cos(angle);
      sin[position * half + i] = attention_factor * Math.sin(angle);
    }
  }
  const { backend } = arena;
  return {
    cos: arena.own(backend.fromArray(cos, [seqlen, half], 'rotary_cos')),
    sin: arena.own(backend.fromArray(sin, [seqlen, half], 'rotary_sin')),
    interleaved: rotary.interleaved,
  };
}

/** Activations that calibration may look at, in the order they arise in a layer. */
export type TapName =
  | 'residual' // input of the attention norm, and of both norms of a parallel layer
  | 'attention_input' // after it: what q, k and v read
  | 'o_proj_input'
  | 'mlp_residual' // input of the MLP norm; not called for a parallel layer
  | 'mlp_input' // after it: what gate and up read
  | 'down_proj_input';

/** Called while work is being enqueued; a tap may enqueue kernels that read the tensor, and must not keep it. */
export type Tap = (name: TapName, states: Tensor) => void;

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

/** RMSNorm of each head, or of all heads together: as many consecutive elements as the norm's size says. */
function headNormed(arena: Arena, norm: DeviceNorm | undefined, hidden_states: Tensor, name: string): Tensor {
  if (!norm) return hidden_states;
  const output = arena.workspace(name, hidden_states.shape);
  const { weight, bias, eps, normalized_size } = norm;
  arena.backend.rms_norm({ hidden_states, weight, bias, eps, normalized_size, width: normalized_size, output });
  return output;
}

/** y = x·Wᵀ + b into a named workspace tensor. */
export function applyLinear(arena: Arena, linear: DeviceLinear, x: Tensor, name: string): Tensor {
  const output = arena.workspace(name, [x.shape[0], linear.weight.shape[0]]);
  arena.backend.matmul_bt({ a: x, b: linear.weight, output });
  if (linear.bias) arena.backend.add_bias({ hidden_states: output, bias: linear.bias });
  return output;
}

/** output = x·shortcut + Σ branches. */
function addResidual(arena: Arena, x: Tensor, shortcut: Tensor | undefined, branches: Tensor[], output: Tensor): void {
  const { backend } = arena;
  if (shortcut) backend.matmul({ a: x, b: shortcut, output });
  let a = shortcut ? output : x;
  for (const branch of branches) {
    backend.add({ a, b: branch, output });
    a = output;
  }
}

/** What both kinds of branches end in: the output norm and the multiplier, where the family has them. */
function branchOutput(
  arena: Arena,
  weights: { output_norm?: DeviceNorm; residual_multiplier?: number },
  states: Tensor,
  name: string,
): Tensor {
  const output = normed(arena, weights.output_norm, states, `${name}_normed`);
  const { residual_multiplier: factor } = weights;
  if (factor !== undefined && factor !== 1) arena.backend.scale({ hidden_states: output, factor });
  return output;
}

/** attn(norm(x)), (rows, d_mid), in a workspace tensor. */
function attentionBranch(
  arena: Arena,
  spec: Attention,
  weights: DeviceAttention,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
  tap?: Tap,
): Tensor {
  const { backend } = arena;
  const { num_attention_heads: heads, num_key_value_heads: kv_heads, head_dim, scale, soft_cap } = spec;
  tap?.('residual', x);
  const input = normed(arena, weights.input_layernorm, x, 'attention_input');
  tap?.('attention_input', input);
  const query = headNormed(arena, weights.q_norm, applyLinear(arena, weights.q_proj, input, 'query'), 'query_normed');
  const key = headNormed(arena, weights.k_norm, applyLinear(arena, weights.k_proj, input, 'key'), 'key_normed');
  const value = applyLinear(arena, weights.v_proj, input, 'value');
  if (rotary) {
    backend.rotary({ states: query, ...rotary, seqlen, heads, head_dim });
    backend.rotary({ states: key, ...rotary, seqlen, heads: kv_heads, head_dim });
  }
  const output = arena.workspace('attention_mixed', query.shape);
  // A window that holds the whole sequence hides nothing: the plain kernel is the faster one.
  const window = spec.sliding_window !== undefined && spec.sliding_window < seqlen ? spec.sliding_window : undefined;
  const { slopes } = weights;
  const sizes = { seqlen, heads, kv_heads, head_dim };
  backend.attention({ query, key, value, output, ...sizes, scale, window, soft_cap, slopes });
  tap?.('o_proj_input', output);
  const branch = applyLinear(arena, weights.o_proj, output, 'attention_output');
  return branchOutput(arena, weights, branch, 'attention_output');
}

/** mlp(norm(h)), (rows, d_out), in a workspace tensor. */
function mlpBranch(arena: Arena, { activation }: Mlp, weights: DeviceMlp, h: Tensor, tap?: Tap): Tensor {
  const { backend } = arena;
  const input = normed(arena, weights.post_attention_layernorm, h, 'mlp_input');
  tap?.('mlp_input', input);
  const gate = weights.gate_proj && applyLinear(arena, weights.gate_proj, input, 'gate');
  const up = applyLinear(arena, weights.up_proj, input, 'up');
  const output = arena.workspace('mlp_activated', up.shape);
  if (gate) backend.glu({ activation, gate, up, output });
  else backend.activation({ activation, hidden_states: up, output });
  tap?.('down_proj_input', output);
  return branchOutput(arena, weights, applyLinear(arena, weights.down_proj, output, 'mlp_output'), 'mlp_output');
}

/**
 * Attention half of a sequential layer.
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
  const branch = attentionBranch(arena, spec, weights, rotary, seqlen, x, tap);
  addResidual(arena, x, weights.attn_shortcut_Q, [branch], output);
}

/** MLP half of a sequential layer. @param h (rows, d_mid). @param output (rows, d_out). */
export function mlpBlock(arena: Arena, spec: Mlp, weights: DeviceMlp, h: Tensor, output: Tensor, tap?: Tap): void {
  tap?.('mlp_residual', h);
  addResidual(arena, h, weights.mlp_shortcut_Q, [mlpBranch(arena, spec, weights, h, tap)], output);
}

/** A parallel layer. @param x (batch·seqlen, d_in). @param output (batch·seqlen, d_out), another tensor than `x`. */
export function parallelBlock(
  arena: Arena,
  spec: { attention: Attention; mlp: Mlp },
  weights: DeviceLayer,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
  output: Tensor,
  tap?: Tap,
): void {
  const attended = attentionBranch(arena, spec.attention, weights.attention, rotary, seqlen, x, tap);
  const expanded = mlpBranch(arena, spec.mlp, weights.mlp, x, tap);
  addResidual(arena, x, weights.attention.attn_shortcut_Q, [attended, expanded], output);
}
