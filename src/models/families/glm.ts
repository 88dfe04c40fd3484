/**
 * @file GLM-4 as transformers has it: rotary on neighbouring elements of half of each head, fused gate and up. `glm4`, GLM-4 of
 * April 2025 (0414), norms the outputs of the branches too.
 */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig, WeightNames } from '../architecture.ts';
import { flag } from '../config_fields.ts';
import { RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const WEIGHTS: WeightNames = {
  ...LLAMA_WEIGHTS,
  layer: { ...LLAMA_WEIGHTS.layer, gate_up: { gate_up_proj: 'mlp.gate_up_proj' } },
};

const SANDWICH: WeightNames = {
  ...WEIGHTS,
  layer: {
    ...WEIGHTS.layer,
    attention_output_norm: 'post_self_attn_layernorm',
    mlp_output_norm: 'post_mlp_layernorm',
  },
};

const FIELDS = v.object({ attention_bias: flag(true) });

export const glm: Architecture = {
  family: 'GLM-4',
  model_types: ['glm'],
  weights: WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, 'attention_bias'], idle: ['mlp_bias'] },
  readConfig: (raw, file) => readGlm(raw, file, 'GlmForCausalLM'),
};

export const glm4: Architecture = {
  ...glm,
  family: 'GLM-4 0414',
  model_types: ['glm4'],
  weights: SANDWICH,
  readConfig: (raw, file) => readGlm(raw, file, 'Glm4ForCausalLM'),
};

function readGlm(raw: RawConfig, file: string, class_name: string): DecoderConfig {
  const config = readRmsConfig(raw, file, {
    class_name,
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
}
