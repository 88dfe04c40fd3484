/** @file ERNIE 4.5 without experts: Llama with rotary on neighbouring elements, and one key for all biases. */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { flag } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const FIELDS = v.object({ use_bias: flag() });

export const ernie4_5: Architecture = {
  family: 'ERNIE 4.5',
  model_types: ['ernie4_5'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, 'use_bias'], idle: BIAS_KEYS },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'Ernie4_5ForCausalLM',
      max_position_embeddings: 131_072,
      tie_word_embeddings: true,
      head_dim: 128,
      eps: 1e-5,
    });
    const { use_bias: bias } = parseConfig(FIELDS, raw, file);
    const rotary = rotaryOf(raw, file, config, { theta: 500_000, interleaved: true });
    return {
      ...withBias(config, { attention: { q: bias, k: bias, v: bias, o: bias }, mlp: bias }),
      layers: uniformLayers(config, { rotary }),
    };
  },
};
