/** @file Names of the weights of the families that descend from Llama. */
import type { LayerNames, WeightNames } from '../architecture.ts';

export const LLAMA_LAYER: LayerNames = {
  input_layernorm: 'input_layernorm',
  qkv: { q_proj: 'self_attn.q_proj', k_proj: 'self_attn.k_proj', v_proj: 'self_attn.v_proj' },
  o_proj: 'self_attn.o_proj',
  post_attention_layernorm: 'post_attention_layernorm',
  gate_up: { gate_proj: 'mlp.gate_proj', up_proj: 'mlp.up_proj' },
  down_proj: 'mlp.down_proj',
};

export const LLAMA_WEIGHTS: WeightNames = {
  prefixes: ['model.', ''],
  embed_tokens: 'embed_tokens',
  layers: 'layers.',
  layer: LLAMA_LAYER,
  norm: 'norm',
  lm_head: ['lm_head'],
};

/** Layers of Gemma 2 and 3: a norm before and after each branch. */
export const SANDWICH_WEIGHTS: WeightNames = {
  ...LLAMA_WEIGHTS,
  layer: {
    ...LLAMA_LAYER,
    attention_output_norm: 'post_attention_layernorm',
    post_attention_layernorm: 'pre_feedforward_layernorm',
    mlp_output_norm: 'post_feedforward_layernorm',
  },
};

/** Frequencies that older versions of transformers stored. */
export const ROTARY_BUFFERS = /\.rotary_emb\.inv_freq$/;

/** Norms of queries and keys. */
export const NORMED_HEADS = { q_norm: 'self_attn.q_norm', k_norm: 'self_attn.k_norm' } as const;
