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
import type { InputQuantization } from './input_quantization.ts';
import type { Packing } from './packed/packing.ts';
import type { PackedValues } from './packed/values.ts';

/** A weight without its numbers: enough to count, to plan and to draw. JSON. */
export interface WeightOutline {
  readonly name: string;
  readonly shape: Shape;
  /** What `read` gives, and what is stored unless `stored` or `packed` says otherwise. */
  readonly dtype: DType;
  /** What the file really holds, where reading widens it (F8, F64, packed weights): only sizes and labels look at it. */
  readonly stored?: { readonly dtype: string; readonly bytes: number };
  /** How a matrix is held that a method packed; `read` gives its numbers all the same. */
  readonly packed?: Packing;
}

/** A stored weight that has not been loaded. Two uses of one stored tensor share the same object (tied weights). */
export interface WeightRef extends WeightOutline {
  /** Little-endian bytes in `dtype`, row-major; `rows` selects a range of the first dimension. */
  read(rows?: RowRange): Promise<Uint8Array>;
  /** Of a packed weight: what it is held as, for kernels and exports of its kind. */
  unpack?(rows?: RowRange): Promise<PackedValues>;
  /** Of a packed weight: bytes of one of its stored parts (`packed/parts.ts`). */
  readonly readPart?: (part: string, start: number, length: number) => Promise<Uint8Array>;
}

/** The types below hold weights of type W: to be read ({@link WeightRef}), or outlines of them. */
export interface Linear<W = WeightRef> {
  readonly weight: W;
  readonly bias?: W;
  /** How x is rounded before the product; absent: it is not. */
  readonly input?: InputQuantization;
}

/**
 * RMSNorm over the last dimension: `x · rsqrt(Σx²/normalized_size + eps) · (weight_offset + weight) + bias`, or LayerNorm:
 * the same of `x − mean(x)`. `normalized_size` is the original hidden size, also after slicing: deleted coordinates count
 * as zeros. A LayerNorm is never sliced: fusion turns it into an RMSNorm of centred states.
 */
export interface Norm<W = WeightRef> {
  readonly kind: 'rms_norm' | 'layer_norm';
  /** (normalized_size), or (heads, normalized_size). */
  readonly weight?: W;
  readonly bias?: W;
  /** Added to the stored weight: 1 for Gemma, else absent. */
  readonly weight_offset?: number;
  readonly eps: number;
  readonly normalized_size: number;
  /** Where each head has a weight of its own (Command R+): as many. */
  readonly heads?: number;
}

/** Rotary embedding (RoFormer, arXiv 2104.09864). Layers that turn alike share one object. */
export interface Rotary {
  /** Leading part of head_dim that is rotated (all of it for Llama). */
  readonly dim: number;
  /** Radians per position of each pair, dim/2 of them, scaling included. */
  readonly inv_freq: readonly number[];
  /** Multiplies cos and sin (longrope and YaRN; else 1). */
  readonly attention_factor: number;
  /** Pairs are (2i, 2i + 1) as in GPT-J, not (i, i + dim/2) as in Llama. */
  readonly interleaved: boolean;
  /** What holds for sequences longer than `beyond` tokens (longrope). */
  readonly long?: {
    readonly beyond: number;
    readonly inv_freq: readonly number[];
    readonly attention_factor: number;
  };
  /** Queries are multiplied by a factor that grows with their position; only where whole heads are rotated. */
  readonly query_scale?: QueryScale;
}

/** Queries at a position are multiplied by 1 + beta·ln(1 + ⌊position/period⌋) (Llama 4, Ministral 3). */
export interface QueryScale {
  readonly beta: number;
  readonly period: number;
}

export interface Attention<W = WeightRef> {
  readonly q_proj: Linear<W>;
  readonly k_proj: Linear<W>;
  readonly v_proj: Linear<W>;
  readonly o_proj: Linear<W>;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  /** Multiplies the scores; 1/√head_dim for Llama. */
  readonly scale: number;
  /** Queries, keys and values are clipped to ± this as they leave their projections (OLMo). */
  readonly clip_qkv?: number;
  readonly rotary?: Rotary;
  /** Norm of queries and keys before rotary: over each head (Qwen3) or over all heads (OLMo-2), by `normalized_size`. */
  readonly q_norm?: Norm<W>;
  readonly k_norm?: Norm<W>;
  /** A query sees this many latest positions, its own included (Mistral); absent: all. */
  readonly sliding_window?: number;
  /** Scores become cap · tanh(score / cap) (Gemma 2). */
  readonly soft_cap?: number;
  /** ALiBi: slope · (key position − query position) is added to a head's scores; one slope a head (arXiv 2108.12409). */
  readonly alibi_slopes?: readonly number[];
}

export interface Mlp<W = WeightRef> {
  /** Where present: `act(gate) ⊙ up`, else `act(up)`. */
  readonly gate_proj?: Linear<W>;
  readonly up_proj: Linear<W>;
  readonly down_proj: Linear<W>;
  readonly activation: Activation;
  /** Of `xielu`, and of no other activation. */
  readonly xielu?: XieluWeights<W>;
}

/**
 * Learned parameters of xIELU (arXiv 2411.13010), one number each: α₊ = softplus(alpha_p), α₋ = β + softplus(alpha_n). Absent
 * ones are {@link XIELU_BETA} and {@link XIELU_EPS}.
 */
export interface XieluWeights<W = WeightRef> {
  readonly alpha_p: W;
  readonly alpha_n: W;
  readonly beta?: W;
  readonly eps?: W;
}

export const XIELU_BETA = 0.5;
export const XIELU_EPS = -1e-6;

/**
 * `gelu` is the exact one (erf), `gelu_tanh` its tanh approximation (gelu_new, gelu_pytorch_tanh, gelu_fast); `relu2` is
 * max(0, x)² (arXiv 2109.08668). `xielu` has parameters, {@link XieluWeights}, and no gate.
 */
export type Activation = 'silu' | 'relu' | 'gelu' | 'gelu_tanh' | 'relu2' | 'xielu';

/**
 * Sequential: `h = x·attn_shortcut_Q + m·attn(norm₁(x))`, `y = h·mlp_shortcut_Q + m·mlp(norm₂(h))`.
 * Parallel: `y = x·attn_shortcut_Q + m·(attn(norm₁(x)) + mlp(norm₂(x)))`; there is no mlp_shortcut_Q.
 * An absent shortcut or norm is the identity; m is `residual_multiplier`. Where one norm serves both branches of a
 * parallel layer, `post_attention_layernorm` is the same object as `input_layernorm`.
 */
export interface DecoderLayer<W = WeightRef> {
  readonly index: number;
  readonly parallel?: boolean;
  /** norm₁: absent in OLMo-2, where only outputs are normed. */
  readonly input_layernorm?: Norm<W>;
  readonly attention: Attention<W>;
  /** Of the branch's output, before it is added (Gemma 2 and 3, OLMo-2). */
  readonly attention_output_norm?: Norm<W>;
  /** norm₂: what the MLP reads. */
  readonly post_attention_layernorm?: Norm<W>;
  readonly mlp: Mlp<W>;
  readonly mlp_output_norm?: Norm<W>;
  /** Scales both branches (Granite); absent: 1. */
  readonly residual_multiplier?: number;
  readonly attn_shortcut_Q?: W;
  readonly mlp_shortcut_Q?: W;
}

/**
 * `h = centre(norm(scale · E[token]))·projection + centre(P[position + offset])`: each part only where it is present,
 * `centre` (subtracting the mean over the hidden axis) only where `centered`.
 */
export interface Embedding<W = WeightRef> {
  readonly weight: W;
  /** √D for Gemma; Granite's embedding_multiplier. */
  readonly scale?: number;
  /** BLOOM's. */
  readonly norm?: Norm<W>;
  readonly centered?: boolean;
  readonly projection?: W;
  readonly positions?: LearnedPositions<W>;
}

/** A table of positions, (rows, d): position t of a window takes row t + offset (OPT: 2). */
export interface LearnedPositions<W = WeightRef> {
  readonly weight: W;
  readonly offset: number;
}

/** `logits = soft_cap(scale · ((norm(h)·projection)·Wᵀ + bias))`. */
export interface Head<W = WeightRef> {
  readonly weight: W;
  readonly bias?: W;
  readonly projection?: W;
  /** Granite: 1/logits_scaling. */
  readonly scale?: number;
  /** cap · tanh(logit / cap) (Gemma 2). */
  readonly soft_cap?: number;
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

export interface DecoderModel<W = WeightRef> {
  readonly config: ModelConfig;
  readonly embed_tokens: Embedding<W>;
  readonly layers: readonly DecoderLayer<W>[];
  readonly norm: Norm<W>;
  readonly lm_head: Head<W>;
}

/** A model without numbers: what plans are made of. Every {@link DecoderModel} is one. */
export type ModelOutline = DecoderModel<WeightOutline>;

/** Every distinct stored weight once, in model order: what `parameters` and `bytes` count and what an export writes. */
export function storedWeights<W>(model: DecoderModel<W>): W[] {
  const { embed_tokens, lm_head } = model;
  const found = [
    embed_tokens.weight,
    ...normWeights(embed_tokens.norm),
    embed_tokens.projection,
    embed_tokens.positions?.weight,
    ...model.layers.flatMap(layerWeights),
    ...normWeights(model.norm),
    lm_head.projection,
    lm_head.weight,
    lm_head.bias,
  ];
  return [...new Set(found.filter((ref) => ref !== undefined))];
}

function layerWeights<W>(layer: DecoderLayer<W>): (W | undefined)[] {
  const { q_proj, k_proj, v_proj, o_proj, q_norm, k_norm } = layer.attention;
  const { gate_proj, up_proj, down_proj, xielu } = layer.mlp;
  return [
    ...normWeights(layer.input_layernorm),
    ...[q_proj, k_proj, v_proj].flatMap(linearWeights),
    ...[q_norm, k_norm].flatMap(normWeights),
    ...linearWeights(o_proj),
    ...normWeights(layer.attention_output_norm),
    layer.attn_shortcut_Q,
    ...normWeights(layer.post_attention_layernorm),
    ...[gate_proj, up_proj, down_proj].flatMap(linearWeights),
    ...xieluWeights(xielu),
    ...normWeights(layer.mlp_output_norm),
    layer.mlp_shortcut_Q,
  ];
}

export function xieluWeights<W>(xielu: XieluWeights<W> | undefined): (W | undefined)[] {
  return xielu ? [xielu.alpha_p, xielu.alpha_n, xielu.beta, xielu.eps] : [];
}

export function normWeights<W = WeightRef>(norm: Norm<W> | undefined): (W | undefined)[] {
  return [norm?.weight, norm?.bias];
}

export function linearWeights<W = WeightRef>(linear: Linear<W> | undefined): (W | undefined)[] {
  return [linear?.weight, linear?.bias];
}
