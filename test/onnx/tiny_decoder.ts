/** @file Small decoders of random weights, in every variant that an export must write. */
import type { DecoderLayer, DecoderModel, Linear, Norm, WeightRef } from '../../src/models/decoder_model.ts';
import type { DType } from '../../src/tensor/dtype.ts';
import { elementCount, type Shape } from '../../src/tensor/shape.ts';

export interface TinyOptions {
  dtype?: DType;
  /** Sliced dimension at each of the 2·layers + 1 sites; absent is dense: no shortcuts. */
  dimensions?: readonly number[];
  head?: 'tied' | 'untied' | 'tied_projection' | 'tied_head_projection';
  centered?: boolean;
  biases?: boolean;
  norm_weights?: boolean;
  kv_heads?: number;
  rotary_dim?: number;
}

export const VOCAB_SIZE = 61;
export const HIDDEN_SIZE = 24;
const INTERMEDIATE_SIZE = 40;
const LAYERS = 2;
const HEADS = 4;
const HEAD_DIM = 6;

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
  const sites = options.dimensions ?? Array<number>(2 * LAYERS + 1).fill(HIDDEN_SIZE);
  const isSliced = options.dimensions !== undefined;
  const norm = (size: number): Norm => ({
    kind: 'rms_norm',
    weight: options.norm_weights ? weight([size], 0.2, 1) : undefined,
    eps: 1e-5,
    normalized_size: HIDDEN_SIZE,
  });
  const kvHeads = options.kv_heads ?? HEADS;
  const layers = Array.from({ length: LAYERS }, (_, index): DecoderLayer => {
    const [input, middle, output] = sites.slice(2 * index, 2 * index + 3);
    return {
      index,
      input_layernorm: norm(input),
      attention: {
        q_proj: linear(HEADS * HEAD_DIM, input),
        k_proj: linear(kvHeads * HEAD_DIM, input),
        v_proj: linear(kvHeads * HEAD_DIM, input),
        o_proj: linear(middle, HEADS * HEAD_DIM),
        num_attention_heads: HEADS,
        num_key_value_heads: kvHeads,
        head_dim: HEAD_DIM,
        scale: 1 / Math.sqrt(HEAD_DIM),
        rotary: { dim: options.rotary_dim ?? HEAD_DIM, theta: 10_000 },
      },
      post_attention_layernorm: norm(middle),
      mlp: {
        gate_proj: linear(INTERMEDIATE_SIZE, middle),
        up_proj: linear(INTERMEDIATE_SIZE, middle),
        down_proj: linear(output, INTERMEDIATE_SIZE),
        activation: 'silu',
      },
      attn_shortcut_Q: isSliced ? weight([input, middle]) : undefined,
      mlp_shortcut_Q: isSliced ? weight([middle, output]) : undefined,
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
      max_position_embeddings: 128,
      tie_word_embeddings: head !== 'untied',
    },
    embed_tokens: {
      weight: table,
      projection: head === 'tied_projection' ? weight([HIDDEN_SIZE, first]) : undefined,
      centered: options.centered,
    },
    layers,
    norm: norm(last),
    lm_head: {
      weight: head === 'untied' ? weight([VOCAB_SIZE, last]) : table,
      projection: needsHeadProjection ? weight([last, tableSize]) : undefined,
    },
  };
}

/** Token ids of one window, the same every time. */
export function tinyTokens(length: number): Uint32Array {
  const random = seededRandom(3);
  return Uint32Array.from({ length }, () => Math.floor(((random() + 1) / 2) * VOCAB_SIZE) % VOCAB_SIZE);
}

/** Rounds to `dtype` and keeps both the bytes and the rounded values. */
function encode(name: string, shape: Shape, dtype: DType, wanted: Float64Array): TinyWeight {
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
