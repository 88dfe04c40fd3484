/**
 * @file The canonical decoder. Dense and sliced models are the same type and run through the same forward code: a
 * sliced layer just has shortcuts and smaller dimensions. Weights stay lazy: a {@link WeightRef} is a name, a shape and
 * a way to read bytes.
 *
 * Conventions: activations are rows `(tokens, features)`; a linear's weight is `(out, in)` and computes
 * `y = x·Wᵀ + b`; shortcuts and projections are `(in, out)` and compute `y = x·M`.
 */
import type { RowRange } from '../formats/checkpoint.ts';
import type { DType } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/shape.ts';

/** A stored weight that has not been loaded. Two uses of one stored tensor share the same object (tied weights). */
export interface WeightRef {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Little-endian bytes in `dtype`, row-major; `rows` selects a range of the first dimension. */
  read(rows?: RowRange): Promise<Uint8Array>;
}

export interface Linear {
  readonly weight: WeightRef;
  readonly bias?: WeightRef;
}

/**
 * RMSNorm over the last dimension: `x · rsqrt(Σx²/normalized_size + eps) · weight`.
 * `normalized_size` is the original hidden size, also after slicing: deleted coordinates count as zeros.
 */
export interface Norm {
  readonly kind: 'rms_norm';
  readonly weight?: WeightRef;
  readonly eps: number;
  readonly normalized_size: number;
}

export interface Rotary {
  /** Leading part of head_dim that is rotated (all of it for Llama). */
  readonly dim: number;
  readonly theta: number;
}

export interface Attention {
  readonly q_proj: Linear;
  readonly k_proj: Linear;
  readonly v_proj: Linear;
  readonly o_proj: Linear;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  /** Multiplies the scores; 1/√head_dim for Llama. */
  readonly scale: number;
  readonly rotary?: Rotary;
}

export interface Mlp {
  readonly gate_proj: Linear;
  readonly up_proj: Linear;
  readonly down_proj: Linear;
  readonly activation: 'silu';
}

/** `h = x·attn_shortcut_Q + attn(norm(x))`, `y = h·mlp_shortcut_Q + mlp(norm(h))`; an absent shortcut is the identity. */
export interface DecoderLayer {
  readonly index: number;
  readonly input_layernorm: Norm;
  readonly attention: Attention;
  readonly post_attention_layernorm: Norm;
  readonly mlp: Mlp;
  readonly attn_shortcut_Q?: WeightRef;
  readonly mlp_shortcut_Q?: WeightRef;
}

/** `h = E[token]`, minus its mean over the hidden axis where `centered`, times `projection` where there is one. */
export interface Embedding {
  readonly weight: WeightRef;
  readonly projection?: WeightRef;
  readonly centered?: boolean;
}

/** `logits = (norm(h)·projection)·Wᵀ`. */
export interface Head {
  readonly weight: WeightRef;
  readonly projection?: WeightRef;
}

export interface ModelConfig {
  readonly model_type: string;
  readonly architecture: string;
  /** D: the original hidden size, also for a sliced model. */
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly tie_word_embeddings: boolean;
}

export interface DecoderModel {
  readonly config: ModelConfig;
  readonly embed_tokens: Embedding;
  readonly layers: readonly DecoderLayer[];
  readonly norm: Norm;
  readonly lm_head: Head;
}

/** Every distinct stored weight once, in model order: what `parameters` and `bytes` count and what an export writes. */
export function storedWeights(model: DecoderModel): WeightRef[] {
  const refs = new Set<WeightRef>();
  const add = (...found: (WeightRef | undefined)[]) => {
    for (const ref of found) if (ref) refs.add(ref);
  };
  add(model.embed_tokens.weight, model.embed_tokens.projection);
  for (const layer of model.layers) {
    const { q_proj, k_proj, v_proj, o_proj } = layer.attention;
    const { gate_proj, up_proj, down_proj } = layer.mlp;
    add(layer.input_layernorm.weight);
    for (const linear of [q_proj, k_proj, v_proj, o_proj]) add(linear.weight, linear.bias);
    add(layer.attn_shortcut_Q, layer.post_attention_layernorm.weight);
    for (const linear of [gate_proj, up_proj, down_proj]) add(linear.weight, linear.bias);
    add(layer.mlp_shortcut_Q);
  }
  add(model.norm.weight, model.lm_head.projection, model.lm_head.weight);
  return [...refs];
}
