/** @file One tiny decoder for each part of the canonical model, and for the mixtures that real families are. */
import { frequencies, type TinyOptions } from './tiny_decoder.ts';

export const ODD = [17, 19, 15, 21, 13];
export const UNSLICED_LAST = [17, 19, 15, 21, 24];

const OPT: TinyOptions = {
  norm: 'layer_norm',
  norm_weights: true,
  biases: true,
  rotary: null,
  positions: 2,
  activation: 'relu',
  gated: false,
};

export const VARIANTS = {
  'dense, tied, F32': {},
  'dense, untied, with norm weights and biases, F32': { head: 'untied', norm_weights: true, biases: true },
  'dense, grouped-query attention, F16': { kv_heads: 2, dtype: 'F16', norm_weights: true },
  'dense, one key/value head, BF16': { kv_heads: 1, dtype: 'BF16', norm_weights: true },
  'dense, centred embedding, partly rotated heads': { centered: true, rotary: { dim: 4, inv_freq: frequencies(4) } },
  'sliced to odd dimensions, untied': { dimensions: ODD, head: 'untied', biases: true, kv_heads: 2 },
  'sliced, tied through a projection, F16': { dimensions: UNSLICED_LAST, head: 'tied_projection', dtype: 'F16' },
  'sliced, tied through a projection, centred': { dimensions: UNSLICED_LAST, head: 'tied_projection', centered: true },
  'sliced, tied with a head projection, BF16': { dimensions: ODD, head: 'tied_head_projection', dtype: 'BF16' },
  'Qwen3: norms of each query and key head': { qk_norm: 'each_head', norm_weights: true, kv_heads: 2 },
  'OLMo-2: norms of all heads together, norms of outputs alone': {
    norm: 'none',
    output_norms: true,
    qk_norm: 'all_heads',
    norm_weights: true,
    kv_heads: 2,
    head: 'untied',
  },
  'Mistral: a sliding window': { sliding_window: 5, kv_heads: 2, head: 'untied' },
  'Gemma 2: γ + 1, sandwich norms, soft caps, scaled embedding, local and global layers': {
    norm_weights: true,
    weight_offset: 1,
    output_norms: true,
    soft_cap: 2,
    head_soft_cap: 3,
    embedding_scale: Math.sqrt(24),
    activation: 'gelu_tanh',
    sliding_window: 7,
    kv_heads: 1,
  },
  'Granite: multipliers': { residual_multiplier: 0.22, embedding_scale: 12, head_scale: 1 / 8 },
  'Phi-3: longrope, text within the first length': {
    rotary: {
      attention_factor: 1.19,
      long: { beyond: 64, inv_freq: frequencies(6, 50_000), attention_factor: 1.3 },
    },
    head: 'untied',
  },
  'Phi-3: longrope, text beyond the first length': {
    rotary: { long: { beyond: 8, inv_freq: frequencies(6, 50_000), attention_factor: 1.3 } },
    head: 'untied',
  },
  'OPT: LayerNorm, learned positions, plain MLP with ReLU': OPT,
  'OPT, sliced and centred, with a head bias': {
    ...OPT,
    norm: 'rms_norm',
    norm_weights: false,
    centered: true,
    head: 'untied',
    head_bias: true,
    dimensions: ODD,
  },
  'Phi-2: parallel, one norm, part of each head rotated': {
    ...OPT,
    positions: undefined,
    parallel: 'one_norm',
    rotary: { dim: 4, inv_freq: frequencies(4) },
    activation: 'gelu_tanh',
    head: 'untied',
    head_bias: true,
  },
  'GPT-NeoX: parallel, two norms, exact gelu, sliced': {
    parallel: 'two_norms',
    activation: 'gelu',
    gated: false,
    biases: true,
    dimensions: ODD,
    head: 'untied',
  },
  'GPT-J: parallel, interleaved rotary over part of each head': {
    parallel: 'one_norm',
    norm: 'layer_norm',
    norm_weights: true,
    gated: false,
    activation: 'gelu_tanh',
    rotary: { dim: 4, inv_freq: frequencies(4), interleaved: true },
    head: 'untied',
    head_bias: true,
  },
  'interleaved rotary over whole heads, grouped': { rotary: { interleaved: true }, kv_heads: 2 },
  'BLOOM: ALiBi and an embedding norm': {
    alibi: true,
    rotary: null,
    embedding_norm: true,
    norm: 'layer_norm',
    norm_weights: true,
    biases: true,
    gated: false,
    activation: 'gelu_tanh',
  },
  'ALiBi with grouped heads, sliced': { alibi: true, rotary: null, kv_heads: 2, dimensions: ODD, head: 'untied' },
} satisfies Record<string, TinyOptions>;
