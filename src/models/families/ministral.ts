/** @file Ministral 8B: Mistral in which `layer_types` says which layers see a sliding window. */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { layerTypes, size } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { NO_BIAS, readRmsConfig, rotaryOf, slidingLayers, windowedLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const FIELDS = v.object({ sliding_window: v.optional(v.nullable(size()), 4096), layer_types: layerTypes() });

export const ministral: Architecture = {
  family: 'Ministral',
  model_types: ['ministral'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, 'sliding_window', 'layer_types'], idle: BIAS_KEYS },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'MinistralForCausalLM',
      max_position_embeddings: 131_072,
    });
    const { sliding_window, layer_types } = parseConfig(FIELDS, raw, file);
    const rotary = rotaryOf(raw, file, config);
    const sliding = slidingLayers(layer_types, config.num_hidden_layers, () => true, file);
    return {
      ...withBias(config, NO_BIAS),
      layers: windowedLayers(config, sliding, sliding_window ?? undefined, () => ({ rotary })),
    };
  },
};
