/** @file Mistral 7B and its successors: Llama with a sliding window in every layer. Arxiv 2310.06825. */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { size } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { NO_BIAS, readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const FIELDS = v.object({ sliding_window: v.optional(v.nullable(size()), 4096) });

export const mistral: Architecture = {
  family: 'Mistral',
  model_types: ['mistral'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, 'sliding_window'], idle: BIAS_KEYS },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'MistralForCausalLM',
      max_position_embeddings: 131_072,
    });
    const { sliding_window } = parseConfig(FIELDS, raw, file);
    const rotary = rotaryOf(raw, file, config);
    const layer = { rotary, ...(sliding_window !== null && { sliding_window }) };
    return { ...withBias(config, NO_BIAS), layers: uniformLayers(config, layer) };
  },
};
