/** @file Seed-OSS: Llama with heads of their own size, biases of q, k and v, and a key for that of the output. */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { flag } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const FIELDS = v.object({ attention_bias: flag(true), attention_out_bias: flag() });

export const seedOss: Architecture = {
  family: 'Seed-OSS',
  model_types: ['seed_oss'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, ...BIAS_KEYS, 'attention_out_bias'] },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'SeedOssForCausalLM',
      max_position_embeddings: 524_288,
      head_dim: 128,
    });
    const { attention_bias: qkv, attention_out_bias: o } = parseConfig(FIELDS, raw, file);
    return {
      ...withBias(config, { attention: { q: qkv, k: qkv, v: qkv, o } }),
      layers: uniformLayers(config, { rotary: rotaryOf(raw, file, config) }),
    };
  },
};
