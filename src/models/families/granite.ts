/** @file Granite 3 and 4 without experts: Llama with four multipliers (maximal update parametrisation, arXiv 2203.03466). */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { positive } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const FIELDS = v.object({
  embedding_multiplier: positive(1),
  attention_multiplier: positive(1),
  residual_multiplier: positive(1),
  logits_scaling: positive(1),
});

export const granite: Architecture = {
  family: 'Granite',
  model_types: ['granite'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: {
    read: [
      ...RMS_KEYS,
      ...BIAS_KEYS,
      'embedding_multiplier',
      'attention_multiplier',
      'residual_multiplier',
      'logits_scaling',
    ],
  },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, { class_name: 'GraniteForCausalLM' });
    const fields = parseConfig(FIELDS, raw, file);
    return {
      ...config,
      attention: { ...config.attention, scale: fields.attention_multiplier },
      embedding: { scale: fields.embedding_multiplier },
      residual_multiplier: fields.residual_multiplier,
      head: { scale: 1 / fields.logits_scaling },
      layers: uniformLayers(config, { rotary: rotaryOf(raw, file, config) }),
    };
  },
};
