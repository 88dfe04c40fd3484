/**
 * @file What llama.cpp's graph of each architecture computes, as far as a model could differ from it. A GGUF file is
 * metadata and weights; everything else is code in llama.cpp, so a model is expressible when it is what that code
 * computes. Source: `src/models/*.cpp` of llama.cpp, one file an architecture, and its loaders' required tensors.
 */
import type { Activation, ModelOutline, Norm } from '../../models/decoder_model.ts';

/** Linears as llama.cpp's tensors are called: `attn_q`, `ffn_up` … */
export type LinearName = 'attn_q' | 'attn_k' | 'attn_v' | 'attn_output' | 'ffn_gate' | 'ffn_up' | 'ffn_down' | 'output';

/** How attention and MLP follow each other: one after the other, or side by side behind one norm or two. */
export type LayerOrder = 'sequential' | 'one_norm' | 'two_norms';

export interface GgufGraph {
  /** `general.architecture`. */
  readonly architecture: string;
  readonly norm: Norm['kind'];
  /**
   * As the models of this architecture have it. ggml's GELU is the tanh approximation, also where a model was trained
   * with the exact one: llama.cpp runs GPT-NeoX and Falcon so.
   */
  readonly activation: Activation;
  readonly gated: boolean;
  readonly orders: readonly LayerOrder[];
  /** Norms of what a branch reads, of what it gives, or of both. */
  readonly branch_norms: 'before' | 'after' | 'both';
  readonly head_norm?: 'per_head' | 'all_heads';
  /** Linears that must have a bias, and those that may; the others have none. */
  readonly biased: readonly LinearName[];
  readonly may_be_biased: readonly LinearName[];
  /** One matrix for q, k and v, in this order. */
  readonly fused_qkv: boolean;
  /** One matrix for gate and up, in this order. */
  readonly fused_gate_up: boolean;
  readonly positions: 'rotary' | 'rotary_but_every_fourth' | 'learned' | 'alibi';
  /** Only a part of each head may be rotated. */
  readonly partial_rotary: boolean;
  /** Rotary turns pairs (2i, 2i + 1): rows of q and k are stored in that order. */
  readonly interleaved: boolean;
  /** Tables of divisors, one a frequency: one for all lengths, or one for short and one for long contexts. */
  readonly rope_tables?: 'freqs' | 'short_and_long';
  /**
   * In every second layer, or in all but each n-th; absent: in none. `ignored`: a file may say a window for all layers, and
   * llama.cpp computes without it, so that only texts within the window are right.
   */
  readonly windows?: 'ignored' | 'every_second' | 'all_but_each_nth';
  /** Scale of the scores: 1/√head_dim, free, or 1/√(hidden_size/heads) in models of so many layers. */
  readonly scale: 'head_dim' | 'free' | { readonly large: number };
  readonly attention_soft_cap: boolean;
  readonly final_soft_cap: 'always' | 'allowed' | 'never';
  /** Of the embedding: √hidden_size built in, or free. */
  readonly embedding_scale?: 'sqrt' | 'free';
  readonly embedding_norm: boolean;
  /** Residual and logit multipliers may be given. */
  readonly multipliers: boolean;
  /** The head is a tensor of its own, or that or the embedding's table, or always the table. */
  readonly head: 'own' | 'own_or_table' | 'table';
  /** heads · head_dim is the hidden size. */
  readonly square: boolean;
}

const QKV = ['attn_q', 'attn_k', 'attn_v'] as const;
const MLP = ['ffn_gate', 'ffn_up', 'ffn_down'] as const;
const ALL_LINEARS = [...QKV, 'attn_output', 'ffn_up', 'ffn_down'] as const;

const LLAMA: GgufGraph = {
  architecture: 'llama',
  norm: 'rms_norm',
  activation: 'silu',
  gated: true,
  orders: ['sequential'],
  branch_norms: 'before',
  biased: [],
  may_be_biased: [...QKV, 'attn_output', ...MLP],
  fused_qkv: false,
  fused_gate_up: false,
  positions: 'rotary',
  partial_rotary: false,
  interleaved: true,
  rope_tables: 'freqs',
  windows: 'ignored',
  scale: 'head_dim',
  attention_soft_cap: false,
  final_soft_cap: 'never',
  embedding_norm: false,
  multipliers: false,
  head: 'own_or_table',
  square: false,
};

/** The same with rotary pairs half a head apart, without biases, windows and tables. */
const NEOX: GgufGraph = {
  ...LLAMA,
  may_be_biased: [],
  interleaved: false,
  rope_tables: undefined,
  windows: undefined,
};

const GEMMA: GgufGraph = { ...NEOX, activation: 'gelu_tanh', embedding_scale: 'sqrt', head: 'table' };

/** LayerNorm, one MLP matrix in, biases everywhere. */
const GPT: GgufGraph = {
  ...NEOX,
  norm: 'layer_norm',
  activation: 'gelu_tanh',
  gated: false,
  biased: ALL_LINEARS,
  fused_qkv: true,
  square: true,
};

/** By `model_type`. */
const GRAPHS: Readonly<Record<string, GgufGraph>> = {
  llama: LLAMA,
  mistral: LLAMA,
  granite: {
    ...LLAMA,
    architecture: 'granite',
    windows: undefined,
    scale: 'free',
    embedding_scale: 'free',
    multipliers: true,
  },
  smollm3: {
    ...LLAMA,
    architecture: 'smollm3',
    positions: 'rotary_but_every_fourth',
    rope_tables: undefined,
    windows: undefined,
  },
  qwen2: { ...NEOX, architecture: 'qwen2', biased: QKV },
  qwen3: { ...NEOX, architecture: 'qwen3', head_norm: 'per_head' },
  gemma: { ...GEMMA, architecture: 'gemma' },
  gemma2: {
    ...GEMMA,
    architecture: 'gemma2',
    branch_norms: 'both',
    windows: 'every_second',
    scale: { large: 46 },
    attention_soft_cap: true,
    final_soft_cap: 'always',
  },
  gemma3: gemma3(),
  gemma3_text: gemma3(),
  olmo2: {
    ...NEOX,
    architecture: 'olmo2',
    branch_norms: 'after',
    head_norm: 'all_heads',
    head: 'own',
    square: true,
  },
  phi3: {
    ...NEOX,
    architecture: 'phi3',
    fused_qkv: true,
    fused_gate_up: true,
    partial_rotary: true,
    rope_tables: 'short_and_long',
    windows: 'ignored',
    square: true,
  },
  phi: {
    ...GPT,
    architecture: 'phi2',
    orders: ['one_norm'],
    biased: [...ALL_LINEARS, 'output'],
    fused_qkv: false,
    partial_rotary: true,
    head: 'own',
  },
  gpt2: { ...GPT, architecture: 'gpt2', positions: 'learned' },
  gpt_neox: {
    ...GPT,
    architecture: 'gptneox',
    activation: 'gelu',
    orders: ['sequential', 'two_norms'],
    partial_rotary: true,
    head: 'own',
  },
  bloom: { ...GPT, architecture: 'bloom', positions: 'alibi', embedding_norm: true },
  falcon: { ...GPT, architecture: 'falcon', activation: 'gelu', orders: ['one_norm', 'two_norms'], biased: [] },
  stablelm: {
    ...NEOX,
    architecture: 'stablelm',
    norm: 'layer_norm',
    orders: ['sequential', 'one_norm'],
    may_be_biased: QKV,
    partial_rotary: true,
    head: 'own',
    square: true,
  },
};

function gemma3(): GgufGraph {
  return {
    ...GEMMA,
    architecture: 'gemma3',
    branch_norms: 'both',
    head_norm: 'per_head',
    windows: 'all_but_each_nth',
    scale: { large: 62 },
    final_soft_cap: 'allowed',
    head: 'own_or_table',
  };
}

/** Undefined for families that llama.cpp has no graph of, such as OPT and GPT-J. */
export function graphOf({ config }: ModelOutline): GgufGraph | undefined {
  return Object.hasOwn(GRAPHS, config.model_type) ? GRAPHS[config.model_type] : undefined;
}
