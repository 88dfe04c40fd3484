/**
 * @file What llama.cpp calls the weights of each architecture, what Hugging Face calls them, and what llama.cpp's
 * converter changes on the way. Sources: `MODEL_TENSORS` and the name map of the gguf package, and the converters of
 * llama.cpp (one class an architecture).
 */

/** What the converter did to a tensor. */
export type Change =
  /** Rows of each query head interleaved for rotary on neighbouring pairs. */
  | 'interleaved_queries'
  /** The same for key heads. */
  | 'interleaved_keys'
  /** (q, k, v) of each head, or of each group of heads, taken apart: all queries, all keys, all values. */
  | 'ungrouped'
  /** 1 added to a norm's weight. */
  | 'one_added'
  /** A Conv1D's weight turned from (in, out) to (out, in). */
  | 'transposed'
  /** Three projections in one matrix that Hugging Face keeps apart: the name here ends in `{q,k,v}_proj`. */
  | 'fused';

export interface GgufFamily {
  /** Begins the Hugging Face names of a layer's weights, before its index. */
  readonly layers: string;
  /** GGUF names without `.weight` → Hugging Face names. */
  readonly outer: Readonly<Record<string, string>>;
  /** The same after `blk.N.` and the layer's prefix. */
  readonly inner: Readonly<Record<string, string>>;
  /** GGUF names that may have a `.bias`; another one means another model. */
  readonly biases: readonly string[];
  /** True where llama.cpp takes any of these biases for optional: one that a layer lacks is zero. */
  readonly optional_biases?: boolean;
  readonly changes?: Readonly<Record<string, Change>>;
  /** True where attention and MLP read the same input. */
  readonly parallel?: boolean;
  /** True where no config carries a scaling of the rotary embedding, or the family has none. */
  readonly unscaled_rotary?: boolean;
  /** Keys after the architecture's name that change what is computed, and that this family's config carries. */
  readonly keys?: readonly string[];
}

const LLAMA_OUTER = { token_embd: 'model.embed_tokens', output_norm: 'model.norm', output: 'lm_head' };
const LLAMA_INNER = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};
const QKV = ['attn_q', 'attn_k', 'attn_v'];
const HEAD_NORMS = { attn_q_norm: 'self_attn.q_norm', attn_k_norm: 'self_attn.k_norm' };
const INTERLEAVED = { attn_q: 'interleaved_queries', attn_k: 'interleaved_keys' } as const;

/** Llama's layout, as the converter writes it for everything whose rotary pairs are neighbours in llama.cpp. */
const LLAMA: GgufFamily = {
  layers: 'model.layers.',
  outer: LLAMA_OUTER,
  inner: LLAMA_INNER,
  biases: [...QKV, 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'],
  optional_biases: true,
  changes: INTERLEAVED,
  keys: ['attention.sliding_window'],
};
/** The same without interleaving: Qwen's, and others whose rotary pairs are half a head apart in llama.cpp too. */
const QWEN2: GgufFamily = { layers: 'model.layers.', outer: LLAMA_OUTER, inner: LLAMA_INNER, biases: QKV };

const SANDWICH_INNER = {
  ...LLAMA_INNER,
  post_attention_norm: 'post_attention_layernorm',
  ffn_norm: 'pre_feedforward_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
};
const { attn_norm: _attn, ffn_norm: _ffn, ...OLMO2_INNER } = LLAMA_INNER;

const GPT_LINEARS = ['attn_qkv', 'attn_output', 'ffn_up', 'ffn_down'];
const GPT_NORMS = ['attn_norm', 'ffn_norm', 'output_norm'];

/** By `general.architecture`. */
export const GGUF_FAMILIES: Readonly<Record<string, GgufFamily>> = {
  llama: LLAMA,
  granite: {
    ...LLAMA,
    keys: ['attention.scale', 'residual_scale', 'embedding_scale', 'logit_scale'],
  },
  smollm3: { ...LLAMA, keys: [] },
  qwen2: QWEN2,
  qwen3: { ...QWEN2, optional_biases: true, inner: { ...LLAMA_INNER, ...HEAD_NORMS } },
  gemma: {
    ...QWEN2,
    biases: [],
    changes: { attn_norm: 'one_added', ffn_norm: 'one_added', output_norm: 'one_added' },
  },
  gemma2: {
    ...QWEN2,
    inner: SANDWICH_INNER,
    biases: [],
    changes: sandwichChanges(),
    keys: ['attention.sliding_window', 'attn_logit_softcapping', 'final_logit_softcapping'],
  },
  gemma3: {
    ...QWEN2,
    inner: { ...SANDWICH_INNER, ...HEAD_NORMS },
    biases: [],
    changes: { ...sandwichChanges(), attn_q_norm: 'one_added', attn_k_norm: 'one_added' },
    keys: [
      'attention.sliding_window',
      'attention.sliding_window_pattern',
      'final_logit_softcapping',
      'rope.freq_base_swa',
    ],
  },
  olmo2: {
    ...QWEN2,
    biases: [],
    inner: {
      ...OLMO2_INNER,
      ...HEAD_NORMS,
      post_attention_norm: 'post_attention_layernorm',
      post_ffw_norm: 'post_feedforward_layernorm',
    },
  },
  phi3: {
    layers: 'model.layers.',
    outer: LLAMA_OUTER,
    inner: {
      attn_norm: 'input_layernorm',
      attn_qkv: 'self_attn.qkv_proj',
      attn_output: 'self_attn.o_proj',
      ffn_norm: 'post_attention_layernorm',
      // gate and up in one, gate first
      ffn_up: 'mlp.gate_up_proj',
      ffn_down: 'mlp.down_proj',
    },
    biases: [],
    keys: ['attention.sliding_window'],
  },
  phi2: {
    layers: 'model.layers.',
    outer: { ...LLAMA_OUTER, output_norm: 'model.final_layernorm' },
    inner: {
      attn_norm: 'input_layernorm',
      attn_q: 'self_attn.q_proj',
      attn_k: 'self_attn.k_proj',
      attn_v: 'self_attn.v_proj',
      attn_qkv: 'self_attn.{q,k,v}_proj',
      attn_output: 'self_attn.dense',
      ffn_up: 'mlp.fc1',
      ffn_down: 'mlp.fc2',
    },
    biases: [...GPT_LINEARS, ...QKV, 'attn_norm', 'output_norm', 'output'],
    changes: { attn_qkv: 'fused' },
    parallel: true,
  },
  gpt2: {
    layers: 'transformer.h.',
    outer: {
      token_embd: 'transformer.wte',
      position_embd: 'transformer.wpe',
      output_norm: 'transformer.ln_f',
      output: 'lm_head',
    },
    inner: {
      attn_norm: 'ln_1',
      attn_qkv: 'attn.c_attn',
      attn_output: 'attn.c_proj',
      ffn_norm: 'ln_2',
      ffn_up: 'mlp.c_fc',
      ffn_down: 'mlp.c_proj',
    },
    biases: [...GPT_LINEARS, ...GPT_NORMS],
    changes: {
      attn_qkv: 'transposed',
      attn_output: 'transposed',
      ffn_up: 'transposed',
      ffn_down: 'transposed',
    },
    unscaled_rotary: true,
  },
  gptneox: {
    layers: 'gpt_neox.layers.',
    outer: { token_embd: 'gpt_neox.embed_in', output_norm: 'gpt_neox.final_layer_norm', output: 'embed_out' },
    inner: {
      attn_norm: 'input_layernorm',
      attn_qkv: 'attention.query_key_value',
      attn_output: 'attention.dense',
      ffn_norm: 'post_attention_layernorm',
      ffn_up: 'mlp.dense_h_to_4h',
      ffn_down: 'mlp.dense_4h_to_h',
    },
    biases: [...GPT_LINEARS, ...GPT_NORMS],
    changes: { attn_qkv: 'ungrouped' },
    unscaled_rotary: true,
    keys: ['use_parallel_residual'],
  },
  bloom: {
    layers: 'transformer.h.',
    outer: {
      token_embd: 'transformer.word_embeddings',
      token_embd_norm: 'transformer.word_embeddings_layernorm',
      output_norm: 'transformer.ln_f',
      output: 'lm_head',
    },
    inner: {
      attn_norm: 'input_layernorm',
      attn_qkv: 'self_attention.query_key_value',
      attn_output: 'self_attention.dense',
      ffn_norm: 'post_attention_layernorm',
      ffn_up: 'mlp.dense_h_to_4h',
      ffn_down: 'mlp.dense_4h_to_h',
    },
    biases: [...GPT_LINEARS, ...GPT_NORMS, 'token_embd_norm'],
    changes: { attn_qkv: 'ungrouped' },
    unscaled_rotary: true,
  },
  falcon: {
    layers: 'transformer.h.',
    outer: { token_embd: 'transformer.word_embeddings', output_norm: 'transformer.ln_f', output: 'lm_head' },
    inner: {
      attn_norm: 'input_layernorm',
      attn_qkv: 'self_attention.query_key_value',
      attn_output: 'self_attention.dense',
      ffn_up: 'mlp.dense_h_to_4h',
      ffn_down: 'mlp.dense_4h_to_h',
    },
    // Biases of linears mean Falcon-RW, whose ALiBi and order of blocks the converter does not record.
    biases: ['attn_norm', 'attn_norm_2', 'output_norm'],
    changes: { attn_qkv: 'ungrouped' },
    parallel: true,
  },
  stablelm: {
    layers: 'model.layers.',
    outer: LLAMA_OUTER,
    inner: LLAMA_INNER,
    biases: [...QKV, ...GPT_NORMS],
    keys: ['use_parallel_residual'],
  },
};

/** Falcon 40B has two norms; llama.cpp calls the MLP's `attn_norm` and the attention's `attn_norm_2`. */
export const FALCON_TWO_NORMS = { attn_norm: 'ln_mlp', attn_norm_2: 'ln_attn' };

/** Tensors that the config is made from, and tables that can be computed. */
export const CONFIG_TENSORS: readonly string[] = [
  'rope_freqs.weight',
  'rope_factors_long.weight',
  'rope_factors_short.weight',
];
export const IGNORED_TENSORS = /^blk\.\d+\.attn_rot_embd(\.weight)?$/;

function sandwichChanges(): Record<string, Change> {
  return {
    attn_norm: 'one_added',
    post_attention_norm: 'one_added',
    ffn_norm: 'one_added',
    post_ffw_norm: 'one_added',
    output_norm: 'one_added',
  };
}
