/**
 * @file Attention backwards, beside the forward pass that keeps what it needs (`../forward.ts` is the one that keeps nothing):
 * input = norm₁(x); q, k, v = clip(input·Wᵀ + b); q, k = rotate(norm(q), norm(k)); mixed = attention(q, k, v).
 */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderLayer, Linear, Norm } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import type { RotaryTable } from '../forward.ts';
import { applyLinear, applyNorm } from '../layer_products.ts';
import { roundCache } from '../quantized_cache.ts';
import type { DeviceAttention, DeviceLinear, DeviceNorm } from '../weights.ts';
import type { BackwardContext } from './context.ts';
import { type GradientOutput, linearBackward, normBackward } from './parts.ts';

export interface KeptProjection {
  /** As it left its projection, clipped: kept where a norm or a clip stands behind. */
  projected?: Tensor;
  /** As attention reads it. */
  states: Tensor;
}

export interface KeptAttention {
  /** norm₁(x), or x. */
  input: Tensor;
  query: KeptProjection;
  key: KeptProjection;
  value: KeptProjection;
  mixed: Tensor;
}

/** norm(x) in a workspace tensor, or x itself. */
export function normedInput(arena: Arena, norm: DeviceNorm | undefined, x: Tensor, name: string): Tensor {
  if (!norm) return x;
  const output = arena.workspace(name, x.shape);
  applyNorm(arena, norm, x, output);
  return output;
}

/** Norm of heads into a tensor of its own. */
function headNorm(arena: Arena, norm: DeviceNorm, hidden_states: Tensor, name: string): Tensor {
  const { backend } = arena;
  const { kind, weight, bias, eps, normalized_size, heads } = norm;
  const output = arena.workspace(name, hidden_states.shape);
  const width = normalized_size;
  const common = heads === undefined ? { weight, bias } : {};
  const args = { hidden_states, ...common, eps, width };
  const normed = heads === undefined ? output : arena.workspace('heads_without_weight', hidden_states.shape);
  if (kind === 'layer_norm') backend.layer_norm({ ...args, output: normed });
  else backend.rms_norm({ ...args, normalized_size, output: normed });
  if (heads === undefined) return output;
  if (weight) backend.scale_columns({ weight: normed, scale: weight, output });
  else backend.copy(normed, output);
  if (bias) backend.add_bias({ hidden_states: output, bias });
  return output;
}

/** @param x (batch·seqlen, d_in), left as it is. */
export function attentionForward(
  { arena }: BackwardContext,
  { attention: spec }: DecoderLayer,
  weights: DeviceAttention,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
): KeptAttention {
  const { backend } = arena;
  const { num_attention_heads: heads, num_key_value_heads: kv_heads, head_dim, scale, soft_cap, clip_qkv } = spec;
  const input = normedInput(arena, weights.input_layernorm, x, 'kept_attention_input');
  const project = (linear: DeviceLinear, norm: DeviceNorm | undefined, name: string): KeptProjection => {
    const states = applyLinear(arena, linear, { states: input, seqlen }, `kept_${name}`);
    if (clip_qkv !== undefined) backend.clip({ hidden_states: states, limit: clip_qkv });
    if (norm) return { projected: states, states: headNorm(arena, norm, states, `kept_${name}_normed`) };
    if (clip_qkv === undefined) return { states };
    const projected = arena.workspace(`kept_${name}_clipped`, states.shape);
    backend.copy(states, projected);
    return { projected, states };
  };
  const query = project(weights.q_proj, weights.q_norm, 'query');
  const key = project(weights.k_proj, weights.k_norm, 'key');
  const value = project(weights.v_proj, undefined, 'value');
  if (rotary) {
    const { cos, sin, interleaved, query: scaled = { cos, sin } } = rotary;
    backend.rotary({ states: query.states, ...scaled, interleaved, seqlen, heads, head_dim });
    backend.rotary({ states: key.states, cos, sin, interleaved, seqlen, heads: kv_heads, head_dim });
  }
  // Gradients pass straight through.
  for (const { states } of [key, value]) roundCache(arena, weights.cache_levels, states);
  const mixed = arena.workspace('kept_mixed', query.states.shape);
  const sizes = { seqlen, heads, kv_heads, head_dim, scale, soft_cap, slopes: weights.slopes };
  const tensors = { query: query.states, key: key.states, value: value.states, output: mixed };
  backend.attention({ ...tensors, ...sizes, window: hiddenWindow(spec.sliding_window, seqlen) });
  return { input, query, key, value, mixed };
}

/** A window that holds the whole sequence hides nothing. */
function hiddenWindow(window: number | undefined, seqlen: number): number | undefined {
  return window !== undefined && window < seqlen ? window : undefined;
}

/** @param d_mixed Gradient by `mixed`. @returns The gradient by `input`, in a workspace tensor. */
export function attentionBackward(
  context: BackwardContext,
  layer: DecoderLayer,
  weights: DeviceAttention,
  rotary: RotaryTable | undefined,
  seqlen: number,
  kept: KeptAttention,
  d_mixed: Tensor,
): Tensor {
  const { arena, rotations } = context;
  const { backend } = arena;
  const { attention: spec } = layer;
  const { num_attention_heads: heads, num_key_value_heads: kv_heads, head_dim, scale, soft_cap } = spec;
  const { query, key, value, mixed, input } = kept;
  const gradient = ({ states }: KeptProjection, name: string) => arena.workspace(`grad_${name}`, states.shape);
  const [d_query, d_key, d_value] = [gradient(query, 'query'), gradient(key, 'key'), gradient(value, 'value')];
  // mixed = attention(q, k, v)
  backend.attention_backward({
    ...{ query: query.states, key: key.states, value: value.states, output: mixed, grad_output: d_mixed },
    ...{ grad_query: d_query, grad_key: d_key, grad_value: d_value },
    ...{ seqlen, heads, kv_heads, head_dim, scale, soft_cap, slopes: weights.slopes },
    window: hiddenWindow(spec.sliding_window, seqlen),
  });
  // q, k = rotate(norm(q), norm(k))
  if (rotary) {
    const { cos, sin, interleaved, query: scaled = { cos, sin } } = rotations.inverse(rotary);
    backend.rotary({ states: d_query, ...scaled, interleaved, seqlen, heads, head_dim });
    backend.rotary({ states: d_key, cos, sin, interleaved, seqlen, heads: kv_heads, head_dim });
  }
  const output = arena.workspace('grad_attention_input', input.shape);
  const back = (
    kept: KeptProjection,
    d: Tensor,
    linear: Linear,
    own: DeviceLinear,
    norm: HeadNorm,
    dx: GradientOutput,
  ) => projectionBackward(context, layer, seqlen, input, { kept, d, linear, own, norm, dx });
  back(query, d_query, spec.q_proj, weights.q_proj, [spec.q_norm, weights.q_norm], { output });
  const more = { output, accumulate: true };
  back(key, d_key, spec.k_proj, weights.k_proj, [spec.k_norm, weights.k_norm], more);
  back(value, d_value, spec.v_proj, weights.v_proj, [undefined, undefined], more);
  return output;
}

type HeadNorm = readonly [norm: Norm | undefined, weights: DeviceNorm | undefined];

/** Of norm(clip(input·Wᵀ + b)). */
function projectionBackward(
  context: BackwardContext,
  { attention: { clip_qkv } }: DecoderLayer,
  seqlen: number,
  input: Tensor,
  parts: { kept: KeptProjection; d: Tensor; linear: Linear; own: DeviceLinear; norm: HeadNorm; dx: GradientOutput },
): void {
  const { arena } = context;
  const { kept, linear, own, norm, dx } = parts;
  const [headNorm, headWeights] = norm;
  const { projected } = kept;
  let { d } = parts;
  if (headNorm && headWeights && projected) {
    const output = arena.workspace('grad_projected', d.shape);
    normBackward(context, headNorm, headWeights, projected, d, { output }, headWeights.normalized_size);
    d = output;
  }
  if (clip_qkv !== undefined && projected)
    arena.backend.clip_backward({ clipped: projected, gradient: d, limit: clip_qkv });
  linearBackward(context, linear, own, input, d, seqlen, dx);
}
