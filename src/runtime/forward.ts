/**
 * @file The forward pass of one decoder layer on a backend. Dense and sliced layers of every family run through the same
 * code; {@link DecoderLayer} has the formulas.
 */
import type { Tensor } from '../backend/backend.ts';
import type { Attention, Mlp, QueryScale, Rotary } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import { addBranch, applyLinear, productInput, residual } from './layer_products.ts';
import { roundCache } from './quantized_cache.ts';
import type { DeviceAttention, DeviceLayer, DeviceLinear, DeviceMlp, DeviceNorm } from './weights.ts';

/** cos and sin of every position and frequency, (seqlen, dim/2), computed in f64. */
export interface RotaryTable {
  cos: Tensor;
  sin: Tensor;
  interleaved: boolean;
  /** Of queries, where they are scaled by their position. */
  query?: { cos: Tensor; sin: Tensor };
}

/** Keys and values of the tokens before, of one sequence. */
export interface KeptKeys {
  /** (capacity, kv_heads·head_dim), rows up to `past` in use. */
  key: Tensor;
  value: Tensor;
  past: number;
}

/** Positions first … first + seqlen of a text that will have `total` of them. */
export interface Stretch {
  first: number;
  total: number;
}

/**
 * cos and sin of position · inv_freq (RoFormer, arXiv 2104.09864, §3.2.2).
 * @param stretch Where the rows stand; by default they are a whole text.
 */
export function rotaryTable(
  arena: Arena,
  rotary: Rotary,
  seqlen: number,
  { first, total }: Stretch = { first: 0, total: seqlen },
): RotaryTable {
  const half = rotary.dim / 2;
  const { inv_freq, attention_factor } = rotary.long && total > rotary.long.beyond ? rotary.long : rotary;
  const { backend } = arena;
  const table = (of: (angle: number) => number, factorAt: (position: number) => number, name: string) => {
    const values = new Float64Array(seqlen * half);
    for (let row = 0; row < seqlen; row++) {
      const factor = attention_factor * factorAt(first + row);
      for (let i = 0; i < half; i++) values[row * half + i] = factor * of((first + row) * inv_freq[i]);
    }
    return arena.own(backend.fromArray(values, [seqlen, half], name));
  };
  const both = (name: string, factorAt: (position: number) => number) => ({
    cos: table(Math.cos, factorAt, `${name}_cos`),
    sin: table(Math.sin, factorAt, `${name}_sin`),
  });
  const { query_scale, interleaved } = rotary;
  const isScaled = query_scale !== undefined && total > query_scale.period;
  return {
    ...both('rotary', () => 1),
    ...(isScaled && { query: both('rotary_query', (position) => queryScale(query_scale, position)) }),
    interleaved,
  };
}

/** What queries at a position are multiplied by: 1 + β·ln(1 + ⌊position/period⌋) (Llama 4, Ministral 3). */
function queryScale({ beta, period }: QueryScale, position: number): number {
  return 1 + beta * Math.log1p(Math.floor(position / period));
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

/** Norm of each head, or of all heads together: of as many consecutive elements as the norm's size says. */
function headNormed(arena: Arena, norm: DeviceNorm | undefined, hidden_states: Tensor, name: string): Tensor {
  if (!norm) return hidden_states;
  const { backend } = arena;
  const output = arena.workspace(name, hidden_states.shape);
  const { kind, weight, bias, eps, normalized_size, heads } = norm;
  const parts = heads === undefined ? { weight, bias } : {};
  const args = { hidden_states, ...parts, eps, width: normalized_size, output };
  if (kind === 'layer_norm') backend.layer_norm(args);
  else backend.rms_norm({ ...args, normalized_size });
  if (heads === undefined) return output;
  // The projection is not needed any more: its tensor takes the product.
  if (weight) backend.scale_columns({ weight: output, scale: weight, output: hidden_states });
  else return output;
  if (bias) backend.add_bias({ hidden_states, bias });
  return hidden_states;
}

/** What o_proj reads, attn(norm(x)) without it, in a workspace tensor. */
export function attentionMixed(
  arena: Arena,
  spec: Attention,
  weights: DeviceAttention,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
  tap?: Tap,
  kept?: KeptKeys,
): Tensor {
  const { backend } = arena;
  const { num_attention_heads: heads, num_key_value_heads: kv_heads, head_dim, scale, soft_cap } = spec;
  tap?.('residual', x);
  const { q_proj, k_proj, v_proj } = weights;
  const isRead = tap !== undefined || [q_proj, k_proj, v_proj].some((linear) => linear.input);
  const input = { ...productInput(arena, weights.input_layernorm, x, 'attention_input', isRead), seqlen };
  tap?.('attention_input', input.states);
  const projected = (linear: DeviceLinear, name: string) => {
    const states = applyLinear(arena, linear, input, name);
    if (spec.clip_qkv !== undefined) backend.clip({ hidden_states: states, limit: spec.clip_qkv });
    return states;
  };
  const query = headNormed(arena, weights.q_norm, projected(weights.q_proj, 'query'), 'query_normed');
  const key = headNormed(arena, weights.k_norm, projected(weights.k_proj, 'key'), 'key_normed');
  const value = projected(weights.v_proj, 'value');
  if (rotary) {
    const { cos, sin, interleaved, query: scaled = { cos, sin } } = rotary;
    backend.rotary({ states: query, ...scaled, interleaved, seqlen, heads, head_dim });
    backend.rotary({ states: key, cos, sin, interleaved, seqlen, heads: kv_heads, head_dim });
  }
  for (const states of [key, value]) roundCache(arena, weights.cache_levels, states);
  const output = arena.workspace('attention_mixed', query.shape);
  const positions = kept ? kept.past + seqlen : seqlen;
  // A window that holds the whole sequence hides nothing: the plain kernel is the faster one.
  const window = spec.sliding_window !== undefined && spec.sliding_window < positions ? spec.sliding_window : undefined;
  const { slopes } = weights;
  const args = { query, output, seqlen, heads, kv_heads, head_dim, scale, window, soft_cap, slopes };
  if (kept) {
    backend.write_rows({ source: key, output: kept.key, first_row: kept.past });
    backend.write_rows({ source: value, output: kept.value, first_row: kept.past });
    backend.attention({ ...args, key: kept.key, value: kept.value, past: kept.past });
  } else backend.attention({ ...args, key, value });
  tap?.('o_proj_input', output);
  return output;
}

/** What down_proj reads, mlp(norm(h)) without it, in a workspace tensor. */
export function mlpActivated(
  arena: Arena,
  { activation }: Mlp,
  weights: DeviceMlp,
  seqlen: number,
  h: Tensor,
  tap?: Tap,
): Tensor {
  const { backend } = arena;
  const { gate_proj, up_proj } = weights;
  const isRead = tap !== undefined || up_proj.input !== undefined || gate_proj?.input !== undefined;
  const input = { ...productInput(arena, weights.post_attention_layernorm, h, 'mlp_input', isRead), seqlen };
  tap?.('mlp_input', input.states);
  const gate = gate_proj && applyLinear(arena, gate_proj, input, 'gate');
  let output: Tensor;
  // A bias comes between the product and the gate.
  if (activation === 'xielu') {
    if (!weights.xielu) throw new RangeError('xIELU without its parameters');
    const up = applyLinear(arena, up_proj, input, 'up');
    output = arena.workspace('mlp_activated', up.shape);
    backend.xielu({ hidden_states: up, ...weights.xielu, output });
  } else if (gate && !up_proj.bias) {
    output = applyLinear(arena, up_proj, input, 'mlp_activated', { states: gate, activation });
  } else {
    const up = applyLinear(arena, up_proj, input, 'up');
    output = arena.workspace('mlp_activated', up.shape);
    if (gate) backend.glu({ activation, gate, up, output });
    else backend.activation({ activation, hidden_states: up, output });
  }
  tap?.('down_proj_input', output);
  return output;
}

/**
 * Attention half of a sequential layer.
 * @param x (batch·seqlen, d_in). It is used up: freed, or the sum is made in it where there is no shortcut.
 * @returns (batch·seqlen, d_mid).
 */
export function attentionBlock(
  arena: Arena,
  spec: Attention,
  weights: DeviceAttention,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
  tap?: Tap,
  kept?: KeptKeys,
): Tensor {
  const mixed = attentionMixed(arena, spec, weights, rotary, seqlen, x, tap, kept);
  const sum = residual(arena, x, weights.attn_shortcut_Q);
  addBranch(arena, weights.o_proj, weights, mixed, sum, 'attention_output', seqlen);
  return sum;
}

/** MLP half of a sequential layer. @param h (rows, d_mid), used up as in {@link attentionBlock}. @returns (rows, d_out). */
export function mlpBlock(arena: Arena, spec: Mlp, weights: DeviceMlp, seqlen: number, h: Tensor, tap?: Tap): Tensor {
  tap?.('mlp_residual', h);
  const activated = mlpActivated(arena, spec, weights, seqlen, h, tap);
  const sum = residual(arena, h, weights.mlp_shortcut_Q);
  addBranch(arena, weights.down_proj, weights, activated, sum, 'mlp_output', seqlen);
  return sum;
}

/** A parallel layer. @param x (batch·seqlen, d_in), used up as in {@link attentionBlock}. @returns (batch·seqlen, d_out). */
export function parallelBlock(
  arena: Arena,
  spec: { attention: Attention; mlp: Mlp },
  { attention, mlp }: DeviceLayer,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
  tap?: Tap,
  kept?: KeptKeys,
): Tensor {
  const mixed = attentionMixed(arena, spec.attention, attention, rotary, seqlen, x, tap, kept);
  const activated = mlpActivated(arena, spec.mlp, mlp, seqlen, x, tap);
  // Only now: both halves read x, and the sum may be made in it.
  const sum = residual(arena, x, attention.attn_shortcut_Q);
  addBranch(arena, attention.o_proj, attention, mixed, sum, 'attention_output', seqlen);
  addBranch(arena, mlp.down_proj, mlp, activated, sum, 'mlp_output', seqlen);
  return sum;
}
