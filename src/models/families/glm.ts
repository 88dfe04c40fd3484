/** @file GLM-4 9B as transformers has it (`glm`): rotary on neighbouring elements of half of each head, fused gate and up. */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture, WeightNames } from '../architecture.ts';
import { flag } from '../config_fields.ts';
import { RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const WEIGHTS: WeightNames = {
  ...LLAMA_WEIGHTS,
  layer: { ...LLAMA_WEIGHTS.layer, gate_up: { gate_up_proj: 'mlp.gate_up_proj' } },
};

const FIELDS = v.object({ attention_bias: flag(true) });

export const glm: Architecture = {
  family: 'GLM-4',
  model_types: ['glm'],
  weights: WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, 'attention_bias'], idle: ['mlp_bias'] },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'GlmForCausalLM',
      max_position_embeddings: 131_072,
      head_dim: 128,
      eps: 1.5625e-7,
    });
    const { attention_bias: bias } = parseConfig(FIELDS, raw, file);
    const rotary = rotaryOf(raw, file, config, { partial: 0.5, interleaved: true });
    return {
      ...withBias(config, { attention: { q: bias, k: bias, v: bias, o: false }, mlp: false }),
      layers: uniformLayers(config, { rotary }),
    };
  },
};
