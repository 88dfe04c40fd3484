/**
 * @file EXAONE 3.0 and 3.5 (arXiv 2408.03541): Llama under other names. Checkpoints have the names of the code that came with
 * them, or Llama's since transformers reads them.
 */
import type { Architecture, WeightNames } from '../architecture.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { respelled } from './layer_norm_family.ts';
import { readRmsConfig, rotaryOf, uniformLayers } from './rms_family.ts';
import { LLAMA_WEIGHTS } from './rms_names.ts';

const OWN_NAMES: WeightNames = {
  prefixes: ['transformer.', ''],
  embed_tokens: 'wte',
  layers: 'h.',
  layer: {
    input_layernorm: 'ln_1',
    qkv: {
      q_proj: 'attn.attention.q_proj',
      k_proj: 'attn.attention.k_proj',
      v_proj: 'attn.attention.v_proj',
    },
    o_proj: 'attn.attention.out_proj',
    post_attention_layernorm: 'ln_2',
    gate_up: { gate_proj: 'mlp.c_fc_0', up_proj: 'mlp.c_fc_1' },
    down_proj: 'mlp.c_proj',
  },
  norm: 'ln_f',
  lm_head: ['lm_head'],
};

/** Keys that the model's own code calls so. */
const SPELLINGS = {
  num_hidden_layers: 'num_layers',
  rms_norm_eps: 'layer_norm_epsilon',
  hidden_act: 'activation_function',
};

export const exaone: Architecture = {
  family: 'EXAONE',
  model_types: ['exaone'],
  weights: [LLAMA_WEIGHTS, OWN_NAMES],
  ignored: [/\.(rotary|rotary_emb)\.inv_freq$/],
  config_keys: { read: [...RMS_KEYS, ...BIAS_KEYS, ...Object.values(SPELLINGS)] },
  readConfig(raw, file) {
    const own = respelled(raw, SPELLINGS, file);
    const config = readRmsConfig(own, file, {
      class_name: 'ExaoneForCausalLM',
      max_position_embeddings: 4096,
      eps: 1e-5,
    });
    const rotary = rotaryOf(own, file, config, { theta: 500_000 });
    return { ...config, layers: uniformLayers(config, { rotary }) };
  },
};
