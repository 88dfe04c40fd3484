/** @file AFM 4.5B: Llama with a squared ReLU and without a gate. */
import type { Architecture } from '../architecture.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers } from './rms_family.ts';
import { LLAMA_LAYER, LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

export const arcee: Architecture = {
  family: 'AFM',
  model_types: ['arcee'],
  weights: { ...LLAMA_WEIGHTS, layer: { ...LLAMA_LAYER, gate_up: { up_proj: 'mlp.up_proj' } } },
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, ...BIAS_KEYS] },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'ArceeForCausalLM',
      max_position_embeddings: 4096,
      hidden_act: 'relu2',
      eps: 1e-5,
    });
    return {
      ...config,
      mlp: { ...config.mlp, gated: false },
      layers: uniformLayers(config, { rotary: rotaryOf(raw, file, config) }),
    };
  },
};
