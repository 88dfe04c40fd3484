/** @file SmolLM3: Llama in which every fourth layer has no rotary embedding (NoPE). */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { count, flag, layerTypes, perLayer, size } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, slidingLayers, windowedLayers } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const FIELDS = v.object({
  /** 1: rotary, 0: none, in spite of the name. */
  no_rope_layers: v.nullish(v.array(count(), 'a list of 0 and 1')),
  no_rope_layer_interval: v.nullish(size(), 4),
  use_sliding_window: flag(),
  sliding_window: v.nullish(size()),
  layer_types: layerTypes(),
});

export const smollm3: Architecture = {
  family: 'SmolLM3',
  model_types: ['smollm3'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: {
    read: [
      ...RMS_KEYS,
      ...BIAS_KEYS,
      'no_rope_layers',
      'no_rope_layer_interval',
      'use_sliding_window',
      'sliding_window',
      'layer_types',
    ],
  },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'SmolLM3ForCausalLM',
      max_position_embeddings: 32_768,
      tie_word_embeddings: true,
    });
    const fields = parseConfig(FIELDS, raw, file);
    const { num_hidden_layers: layers } = config;
    const listed = fields.no_rope_layers && perLayer(fields.no_rope_layers, layers, 'no_rope_layers', file);
    const turns = (index: number) => (listed ? listed[index] !== 0 : (index + 1) % fields.no_rope_layer_interval !== 0);
    const rotary = rotaryOf(raw, file, config, { theta: 2_000_000 });
    const sliding = slidingLayers(fields.layer_types, layers, (index) => !turns(index), file);
    // Layers that are listed slide whether or not windows are switched on.
    const hasWindows = fields.use_sliding_window || fields.layer_types != null;
    const window = hasWindows ? (fields.sliding_window ?? undefined) : undefined;
    return {
      ...config,
      layers: windowedLayers(config, sliding, window, (index) => (turns(index) ? { rotary } : {})),
    };
  },
};
