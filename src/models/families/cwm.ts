/** @file Code World Model (arXiv 2510.02387): Llama 3 in which three of four layers see a sliding window. */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { count, layerTypes } from '../config_fields.ts';
import { RMS_KEYS } from '../config_keys/keys.ts';
import { NO_BIAS, readRmsConfig, ropeOr, rotaryOf, slidingLayers, windowedLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

/** A window of 0 means none, as null does. */
const FIELDS = v.object({ sliding_window: v.optional(v.nullable(count()), 8192), layer_types: layerTypes() });

const ROPE = {
  rope_type: 'llama3',
  rope_theta: 1_000_000,
  factor: 16,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

export const cwm: Architecture = {
  family: 'CWM',
  model_types: ['cwm'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, 'mlp_bias', 'sliding_window', 'layer_types'], idle: ['attention_bias'] },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'CwmForCausalLM',
      max_position_embeddings: 131_072,
      head_dim: 128,
      eps: 1e-5,
    });
    const { sliding_window, layer_types } = parseConfig(FIELDS, raw, file);
    const rotary = rotaryOf(ropeOr(raw, ROPE), file, config, { theta: 1_000_000 });
    const sliding = slidingLayers(layer_types, config.num_hidden_layers, (index) => index % 4 !== 0, file);
    return {
      ...withBias(config, { attention: NO_BIAS.attention }),
      layers: windowedLayers(config, sliding, sliding_window || undefined, () => ({ rotary })),
    };
  },
};
