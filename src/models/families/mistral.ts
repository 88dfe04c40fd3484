/** @file Mistral 7B and its successors: Llama with a sliding window in every layer. Arxiv 2310.06825. */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { layerTypes, size } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { MISTRAL3_IDLE, MISTRAL3_PARTS, mistral3Text } from './mistral3.ts';
import { NO_BIAS, readRmsConfig, rotaryOf, slidingLayers, windowedLayers, withBias } from './rms_family.ts';
import { ROTARY_BUFFERS } from './rms_names.ts';

const FIELDS = v.object({
  sliding_window: v.optional(v.nullable(size()), 4096),
  /** transformers takes a config that has it for Ministral, which is Mistral with windows in some layers. */
  layer_types: layerTypes(),
});

export const mistral: Architecture = {
  family: 'Mistral',
  model_types: ['mistral', 'mistral3'],
  ...MISTRAL3_PARTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, 'sliding_window', 'layer_types'], idle: [...BIAS_KEYS, ...MISTRAL3_IDLE] },
  readConfig(given, file) {
    const raw = mistral3Text(given, file);
    const config = readRmsConfig(raw, file, {
      class_name: 'MistralForCausalLM',
      max_position_embeddings: 131_072,
    });
    const { sliding_window, layer_types } = parseConfig(FIELDS, raw, file);
    const rotary = rotaryOf(raw, file, config);
    const sliding = slidingLayers(layer_types, config.num_hidden_layers, () => true, file);
    const layers = windowedLayers(config, sliding, sliding_window ?? undefined, () => ({ rotary }));
    return { ...withBias(config, NO_BIAS), layers };
  },
};
