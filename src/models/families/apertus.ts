/** @file Apertus (arXiv 2509.14233): Llama with xIELU, whose parameters are learned, and norms of queries and keys. */
import type { Architecture, WeightNames } from '../architecture.ts';
import { RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, ropeOr, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_LAYER, LLAMA_WEIGHTS, NORMED_HEADS, ROTARY_BUFFERS } from './rms_names.ts';

const WEIGHTS: WeightNames = {
  ...LLAMA_WEIGHTS,
  layer: {
    ...LLAMA_LAYER,
    ...NORMED_HEADS,
    input_layernorm: 'attention_layernorm',
    post_attention_layernorm: 'feedforward_layernorm',
    gate_up: { up_proj: 'mlp.up_proj' },
    activation: 'mlp.act_fn',
  },
};

const ROPE = {
  rope_type: 'llama3',
  rope_theta: 12_000_000,
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

export const apertus: Architecture = {
  family: 'Apertus',
  model_types: ['apertus'],
  weights: WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, 'attention_bias'] },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'ApertusForCausalLM',
      max_position_embeddings: 65_536,
      hidden_act: 'xielu',
      eps: 1e-5,
    });
    const unbiased = withBias(config, { mlp: false });
    return {
      ...unbiased,
      attention: { ...config.attention, head_norm: 'per_head' },
      mlp: { ...unbiased.mlp, gated: false },
      layers: uniformLayers(config, { rotary: rotaryOf(ropeOr(raw, ROPE), file, config, { theta: 12_000_000 }) }),
    };
  },
};
