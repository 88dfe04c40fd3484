/** @file OLMo 2: norms of the branches' outputs instead of their inputs, and of all queries and keys. arXiv 2501.00656. */
import type { Architecture, WeightNames } from '../architecture.ts';
import { RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, NORMED_HEADS, ROTARY_BUFFERS } from './rms_names.ts';

const WEIGHTS: WeightNames = {
  ...LLAMA_WEIGHTS,
  layer: {
    ...LLAMA_WEIGHTS.layer,
    ...NORMED_HEADS,
    input_layernorm: undefined,
    attention_output_norm: 'post_attention_layernorm',
    post_attention_layernorm: undefined,
    mlp_output_norm: 'post_feedforward_layernorm',
  },
};

export const olmo2: Architecture = {
  family: 'OLMo 2',
  model_types: ['olmo2'],
  weights: WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, 'attention_bias'], idle: ['mlp_bias'] },
  readConfig(raw, file) {
    const defaults = { class_name: 'Olmo2ForCausalLM', eps: 1e-5 };
    const config = withBias(readRmsConfig(raw, file, defaults), { mlp: false });
    return {
      ...config,
      attention: { ...config.attention, head_norm: 'all_heads' },
      layers: uniformLayers(config, { rotary: rotaryOf(raw, file, config) }),
    };
  },
};
