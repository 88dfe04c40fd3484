/** @file Llama 1, 2 and 3, and what has its layout: TinyLlama, SmolLM, SmolLM2, Yi and many others. */
import type { Architecture } from '../architecture.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

export const llama: Architecture = {
  family: 'Llama',
  model_types: ['llama'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, ...BIAS_KEYS] },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, { class_name: 'LlamaForCausalLM' });
    return { ...config, layers: uniformLayers(config, { rotary: rotaryOf(raw, file, config) }) };
  },
};
