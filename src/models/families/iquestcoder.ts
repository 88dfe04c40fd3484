/** @file IQuest-Coder: Llama with heads of their own size. Two options of its own code are in no checkpoint, and refused. */
import type { Architecture } from '../architecture.ts';
import { refuseFlags } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

export const iquestcoder: Architecture = {
  family: 'IQuest-Coder',
  model_types: ['iquestcoder'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: {
    read: [...RMS_KEYS, ...BIAS_KEYS, 'clip_qkv', 'use_sliding_window'],
    idle: ['sliding_window', 'max_window_layers', 'layer_types'],
  },
  readConfig(raw, file) {
    refuseFlags(raw, file, {
      clip_qkv: 'queries, keys and values are clipped',
      use_sliding_window: 'some layers see a sliding window',
    });
    const config = readRmsConfig(raw, file, {
      class_name: 'IQuestCoderForCausalLM',
      max_position_embeddings: 131_072,
      head_dim: 128,
      eps: 1e-5,
    });
    return { ...config, layers: uniformLayers(config, { rotary: rotaryOf(raw, file, config) }) };
  },
};
