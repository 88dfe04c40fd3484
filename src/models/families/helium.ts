/** @file Helium 1: Llama with rotary on neighbouring elements; the attention's output never has a bias. */
import type { Architecture } from '../architecture.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

export const helium: Architecture = {
  family: 'Helium',
  model_types: ['helium'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, ...BIAS_KEYS] },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'HeliumForCausalLM',
      max_position_embeddings: 4096,
      head_dim: 128,
      eps: 1e-8,
    });
    const rotary = rotaryOf(raw, file, config, { theta: 100_000, interleaved: true });
    return {
      ...withBias(config, { attention: { ...config.attention.bias, o: false } }),
      layers: uniformLayers(config, { rotary }),
    };
  },
};
