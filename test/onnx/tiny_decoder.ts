/** @file Small decoders of random weights, with every part that the canonical model may have. */
import type {
  Activation,
  Attention,
  DecoderLayer,
  DecoderModel,
  Linear,
  Norm,
  Rotary,
  WeightRef,
} from '../../src/models/decoder_model.ts';
import type { FloatType } from '../../src/tensor/dtype.ts';
import { elementCount, type Shape } from '../../src/tensor/shape.ts';

export interface TinyOptions {
  dtype?: FloatType;
  /** Sliced dimension at each of the 2·layers + 1 sites; absent is dense: no shortcuts. */
  dimensions?: readonly number[];
  head?: 'tied' | 'untied' | 'tied_projection' | 'tied_head_projection';
  centered?: boolean;
  biases?: boolean;
  /** Norms before the branches; `none` leaves them out, `layer_norm` has biases. */
  norm?: 'rms_norm' | 'layer_norm' | 'none';
  norm_weights?: boolean;
  weight_offset?: number;
  /** Norms of what the branches give. */
  output_norms?: boolean;
  qk_norm?: 'each_head' | 'all_heads';
  kv_heads?: number;
  /** Merged into a plain rotary; null: none. */
  rotary?: Partial<Rotary> | null;
  /** Of the second layer alone. */
  sliding_window?: number;
  soft_cap?: number;
  alibi?: boolean;
  activation?: Activation;
  gated?: boolean;
  /** `one_norm`: both branches read through the same norm. */
  parallel?: 'two_norms' | 'one_norm';
  residual_multiplier?: number;
  embedding_scale?: number;
  embedding_norm?: boolean;
  /** Offset of a table of learned positions. */
  positions?: number;
  head_bias?: boolean;
  head_scale?: number;
  head_soft_cap?: number;
}

export const VOCAB_SIZE = 61;
export const HIDDEN_SIZE = 24;
export const HEAD_DIM = 6;
const INTERMEDIATE_SIZE = 40;
const LAYERS = 2;
const HEADS = 4;
const POSITIONS = 128;

/** Frequencies θ^(−2i/dim). */
export function frequencies(dim: number, theta = 10_000): number[] {
  return Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim));
}

/** Weight bytes and their exact values, which the reference forward computes with. */
export interface TinyWeight extends WeightRef {
  readonly values: Float64Array;
}

/** Sites 0 … 2L are embedding, then MLP input and output of each layer, as in `SiteReport`. */
export function tinyDecoder(options: TinyOptions = {}): DecoderModel {
  const random = seededRandom(7);
  const dtype = options.dtype ?? 'F32';
  let serial = 0;
  const weight = (shape: Shape, scale = 1 / Math.sqrt(shape[shape.length - 1]), offset = 0): TinyWeight => {
    const wanted = Float64Array.from({ length: elementCount(shape) }, () => offset + scale * random());
    return encode(`weight_${serial++}`, shape, dtype, wanted);
  };
  const linear = (output: number, input: number): Linear => ({
    weight: weight([output, input]),
    bias: options.biases ? weight([output], 0.3) : undefined,
  });
  const kind = options.norm === 'layer_norm' ? 'layer_norm' : 'rms_norm';
  const norm = (size: number, normalized_size = HIDDEN_SIZE, made: Norm['kind'] = kind): Norm => ({
    kind: made,
    weight: options.norm_weights ? weight([size], 0.2, 1 - (options.weight_offset ?? 0)) : undefined,
    bias: made === 'layer_norm' ? weight([size], 0.2) : undefined,
    ...(options.weight_offset !== undefined && { weight_offset: options.weight_offset }),
    eps: 1e-5,
    normalized_size,
  });
  const sites = options.dimensions ?? Array<number>(2 * LAYERS + 1).fill(HIDDEN_SIZE);
  const isSliced = options.dimensions !== undefined;
  const kvHeads = options.kv_heads ?? HEADS;
  const rotary: Rotary | undefined =
    options.rotary === null
      ? undefined
      : { dim: HEAD_DIM, inv_freq: frequencies(HEAD_DIM), attention_factor: 1, interleaved: false, ...options.rotary };
  const qkNorm = (heads: number) => {
    const size = options.qk_norm === 'all_heads' ? heads * HEAD_DIM : HEAD_DIM;
    return options.qk_norm && norm(size, size, 'rms_norm');
  };
  const attention = (index: number, input: number, output: number): Attention => ({
    q_proj: linear(HEADS * HEAD_DIM, input),
    k_proj: linear(kvHeads * HEAD_DIM, input),
    v_proj: linear(kvHeads * HEAD_DIM, input),
    o_proj: linear(output, HEADS * HEAD_DIM),
    num_attention_heads: HEADS,
    num_key_value_heads: kvHeads,
    head_dim: HEAD_DIM,
    scale: 1 / Math.sqrt(HEAD_DIM),
    rotary,
    q_norm: qkNorm(HEADS),
    k_norm: qkNorm(kvHeads),
    sliding_window: index === 1 ? options.sliding_window : undefined,
    soft_cap: options.soft_cap,
    alibi_slopes: options.alibi ? [0.5, 0.25, 0.125, 0.0625] : undefined,
  });
  const layers = Array.from({ length: LAYERS }, (_, index): DecoderLayer => {
    const [input, middle, output] = sites.slice(2 * index, 2 * index + 3);
    const parallel = options.parallel !== undefined;
    const inner = parallel ? input : middle;
    const first = options.norm === 'none' ? undefined : norm(input);
    return {
      index,
      parallel,
      input_layernorm: first,
      attention: attention(index, input, parallel ? output : middle),
      attention_output_norm: options.output_norms ? norm(parallel ? output : middle) : undefined,
      post_attention_layernorm:
        options.norm === 'none' ? undefined : options.parallel === 'one_norm' ? first : norm(inner),
      mlp: {
        gate_proj: options.gated === false ? undefined : linear(INTERMEDIATE_SIZE, inner),
        up_proj: linear(INTERMEDIATE_SIZE, inner),
        down_proj: linear(output, INTERMEDIATE_SIZE),
        activation: options.activation ?? 'silu',
      },
      mlp_output_norm: options.output_norms ? norm(output) : undefined,
      residual_multiplier: options.residual_multiplier,
      attn_shortcut_Q: isSliced ? weight([input, parallel ? output : middle]) : undefined,
      mlp_shortcut_Q: isSliced && !parallel ? weight([middle, output]) : undefined,
    };
  });
  const first = sites[0];
  const last = sites[2 * LAYERS];
  const head = options.head ?? 'tied';
  const tableSize = head === 'tied_projection' ? HIDDEN_SIZE : first;
  const table = weight([VOCAB_SIZE, tableSize], 1);
  const needsHeadProjection = head === 'tied_head_projection';
  return {
    config: {
      model_type: 'llama',
      architecture: 'LlamaForCausalLM',
      hidden_size: HIDDEN_SIZE,
      intermediate_size: INTERMEDIATE_SIZE,
      num_hidden_layers: LAYERS,
      num_attention_heads: HEADS,
      num_key_value_heads: kvHeads,
      head_dim: HEAD_DIM,
      vocab_size: VOCAB_SIZE,
      max_position_embeddings: POSITIONS,
      tie_word_embeddings: head !== 'untied',
    },
    embed_tokens: {
      weight: table,
      scale: options.embedding_scale,
      norm: options.embedding_norm ? norm(tableSize, tableSize) : undefined,
      projection: head === 'tied_projection' ? weight([HIDDEN_SIZE, first]) : undefined,
      centered: options.centered,
      positions:
        options.positions === undefined
          ? undefined
          : { weight: weight([POSITIONS + options.positions, first], 1), offset: options.positions },
    },
    layers,
    norm: norm(last, HIDDEN_SIZE, options.norm === 'layer_norm' ? 'layer_norm' : 'rms_norm'),
    lm_head: {
      weight: head === 'untied' ? weight([VOCAB_SIZE, last]) : table,
      projection: needsHeadProjection ? weight([last, tableSize]) : undefined,
      bias: options.head_bias ? weight([VOCAB_SIZE], 0.5) : undefined,
      scale: options.head_scale,
      soft_cap: options.head_soft_cap,
    },
  };
}

/** Token ids of one window, the same every time. */
export function tinyTokens(length: number, seed = 3): Uint32Array {
  const random = seededRandom(seed);
  return Uint32Array.from({ length }, () => Math.floor(((random() + 1) / 2) * VOCAB_SIZE) % VOCAB_SIZE);
}

/** Rounds to `dtype` and keeps both the bytes and the rounded values. */
function encode(name: string, shape: Shape, dtype: FloatType, wanted: Float64Array): TinyWeight {
  const codes = wanted.map((value) => floatBits(value));
  let bytes: Uint8Array;
  let values: Float64Array;
  if (dtype === 'F32') {
    bytes = new Uint8Array(new Float32Array(wanted).buffer);
    values = Float64Array.from(new Float32Array(wanted));
  } else if (dtype === 'BF16') {
    // Truncated to the upper 16 bits of f32.
    bytes = new Uint8Array(Uint16Array.from(codes, (code) => code >>> 16).buffer);
    values = codes.map((code) => floatOfBits((code >>> 16) << 16));
  } else {
    // Normal halves only: 10 bits of fraction kept, the exponent's bias moved from 127 to 15, tiny values to zero.
    const halves = Uint16Array.from(codes, (code) => {
      const exponent = ((code >>> 23) & 255) - 112;
      return exponent <= 0 ? 0 : ((code >>> 16) & 0x8000) | (exponent << 10) | ((code >>> 13) & 1023);
    });
    bytes = new Uint8Array(halves.buffer);
    values = Float64Array.from(halves, (half) => {
      const sign = half & 0x8000 ? -1 : 1;
      return half === 0 ? 0 : sign * 2 ** (((half >>> 10) & 31) - 15) * (1 + (half & 1023) / 1024);
    });
  }
  const rowBytes = bytes.byteLength / shape[0];
  return {
    name,
    shape,
    dtype,
    values,
    read: async (rows = { start: 0, end: shape[0] }) => bytes.slice(rows.start * rowBytes, rows.end * rowBytes),
  };
}

const scratch = new DataView(new ArrayBuffer(4));

function floatBits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

function floatOfBits(bits: number): number {
  scratch.setUint32(0, bits >>> 0);
  return scratch.getFloat32(0);
}

/** Uniform in [−1, 1): a linear congruential generator (Numerical Recipes' constants). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
