/** @file Qwen 2 and 2.5 (biases of q, k and v; arXiv 2407.10671) and Qwen 3 (norms of queries and keys; 2505.09388). */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, LayerConfig, WeightNames } from '../architecture.ts';
import { count, flag, layerTypes, size } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import type { ModelConfig } from '../decoder_model.ts';
import { readRmsConfig, rotaryOf, slidingLayers, windowedLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, NORMED_HEADS, ROTARY_BUFFERS } from './rms_names.ts';

const WINDOW_FIELDS = v.object({
  use_sliding_window: flag(),
  sliding_window: v.optional(v.nullable(size()), 4096),
  max_window_layers: v.nullish(count(), 28),
  layer_types: layerTypes(),
});

const WINDOW_KEYS = Object.keys(WINDOW_FIELDS.entries);

/** The last layers slide, from `max_window_layers` on, unless `layer_types` says otherwise. */
function qwenLayers(raw: RawConfig, file: string, model: ModelConfig): readonly LayerConfig[] {
  const { use_sliding_window, sliding_window, max_window_layers, layer_types } = parseConfig(WINDOW_FIELDS, raw, file);
  const rotary = rotaryOf(raw, file, model);
  const rule = (index: number) => index >= max_window_layers;
  const sliding = slidingLayers(layer_types, model.num_hidden_layers, rule, file);
  const window = use_sliding_window ? (sliding_window ?? undefined) : undefined;
  return windowedLayers(model, sliding, window, () => ({ rotary }));
}

export const qwen2: Architecture = {
  family: 'Qwen 2 and 2.5',
  model_types: ['qwen2'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, ...WINDOW_KEYS], idle: BIAS_KEYS },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, { class_name: 'Qwen2ForCausalLM', max_position_embeddings: 32_768 });
    const biased = withBias(config, { attention: { q: true, k: true, v: true, o: false }, mlp: false });
    return { ...biased, layers: qwenLayers(raw, file, config) };
  },
};

const QWEN3_WEIGHTS: WeightNames = { ...LLAMA_WEIGHTS, layer: { ...LLAMA_WEIGHTS.layer, ...NORMED_HEADS } };

export const qwen3: Architecture = {
  family: 'Qwen 3',
  model_types: ['qwen3'],
  weights: QWEN3_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, ...WINDOW_KEYS, 'attention_bias'], idle: ['mlp_bias'] },
  readConfig(raw, file) {
    const defaults = { class_name: 'Qwen3ForCausalLM', max_position_embeddings: 32_768, head_dim: 128 };
    const config = withBias(readRmsConfig(raw, file, defaults), { mlp: false });
    return {
      ...config,
      attention: { ...config.attention, head_norm: 'per_head' },
      layers: qwenLayers(raw, file, config),
    };
  },
};
