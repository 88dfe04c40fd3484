/** @file InternLM 3: Llama with heads of their own size and other keys for its biases. */
import type { Architecture } from '../architecture.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { respelled } from './layer_norm_family.ts';
import { readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

export const internlm3: Architecture = {
  family: 'InternLM 3',
  model_types: ['internlm3'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, ...BIAS_KEYS, 'qkv_bias', 'bias'] },
  readConfig(raw, file) {
    const own = respelled(raw, { attention_bias: 'qkv_bias', mlp_bias: 'bias' }, file);
    const config = readRmsConfig(own, file, {
      class_name: 'InternLM3ForCausalLM',
      max_position_embeddings: 32_768,
      head_dim: 128,
      eps: 1e-5,
    });
    // `bias` is that of the attention's output too.
    const attention = { ...config.attention.bias, o: config.mlp.bias.down };
    const rotary = rotaryOf(own, file, config);
    return { ...withBias(config, { attention }), layers: uniformLayers(config, { rotary }) };
  },
};
