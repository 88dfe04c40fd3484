/**
 * @file Gemma 3 (arXiv 2503.19786), the language model: five local layers for each global one, with a rotary base of
 * their own, and norms of queries and keys. Of a model that also sees images, the language model alone is read.
 */
import * as v from 'valibot';
import { bad, describeValue, parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, LayerConfig, WeightNames } from '../architecture.ts';
import { positive, size } from '../config_fields.ts';
import { without } from '../config_keys/keys.ts';
import type { ModelConfig } from '../decoder_model.ts';
import { CAPPED_KEYS, readCappedConfig, WINDOW_FIELDS } from './gemma2.ts';
import { rotaryOf, slidingLayers, windowedLayers } from './rms_family.ts';
import { NORMED_HEADS, ROTARY_BUFFERS, SANDWICH_WEIGHTS } from './rms_names.ts';

const WEIGHTS: WeightNames = {
  ...SANDWICH_WEIGHTS,
  // transformers 4 and 5 put the language model of a model with vision under different names
  prefixes: ['model.', 'language_model.model.', 'model.language_model.', ''],
  lm_head: ['lm_head', 'language_model.lm_head'],
  layer: { ...SANDWICH_WEIGHTS.layer, ...NORMED_HEADS },
};

/** Gemma 3's text configs leave out what is the 4B model's. */
export const TEXT_DEFAULTS = {
  model_type: 'gemma3_text',
  vocab_size: 262_208,
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
};

const FIELDS = v.object({
  ...WINDOW_FIELDS,
  sliding_window_pattern: v.nullish(size(), 6),
  rope_theta: positive(1_000_000),
  rope_local_base_freq: positive(10_000),
});

function readText(raw: RawConfig, file: string) {
  const config = readCappedConfig(
    raw,
    file,
    { class_name: 'Gemma3ForCausalLM', max_position_embeddings: 131_072 },
    { attention: null, final: null },
  );
  // Its code in transformers has the key and never caps a score.
  const attention = { ...config.attention, soft_cap: undefined, head_norm: 'per_head' } as const;
  return { ...config, attention, layers: readLayers(raw, file, config) };
}

function readLayers(raw: RawConfig, file: string, model: ModelConfig): readonly LayerConfig[] {
  const fields = parseConfig(FIELDS, raw, file);
  const rule = (index: number) => (index + 1) % fields.sliding_window_pattern !== 0;
  const sliding = slidingLayers(fields.layer_types, model.num_hidden_layers, rule, file);
  const { full_attention, sliding_attention } = bothRopes(raw, file);
  const global = rotaryOf(full_attention, file, model, { theta: fields.rope_theta });
  const local = rotaryOf(sliding_attention, file, model, { theta: fields.rope_local_base_freq });
  return windowedLayers(model, sliding, fields.sliding_window ?? undefined, (index) => ({
    rotary: sliding(index) ? local : global,
  }));
}

/** transformers 5 nests `rope_parameters` by kind of layer; before, `rope_scaling` was that of the global layers. */
function bothRopes(raw: RawConfig, file: string): Record<'full_attention' | 'sliding_attention', RawConfig> {
  const nested = raw.rope_parameters;
  if (nested == null) return { full_attention: { rope_scaling: raw.rope_scaling }, sliding_attention: {} };
  if (typeof nested !== 'object' || Array.isArray(nested)) {
    throw bad(file, `rope_parameters is ${describeValue(nested)}.`, 'rope_parameters', 'an object or null');
  }
  const { full_attention, sliding_attention } = nested as RawConfig;
  return {
    full_attention: { rope_parameters: full_attention },
    sliding_attention: { rope_parameters: sliding_attention },
  };
}

export const gemma3: Architecture = {
  family: 'Gemma 3',
  model_types: ['gemma3_text', 'gemma3'],
  classes: ['Gemma3ForConditionalGeneration'],
  weights: WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  left_out: [{ pattern: /(^|\.)(vision_tower|multi_modal_projector)\./, what: 'The part that reads images' }],
  config_keys: {
    read: [
      ...without(CAPPED_KEYS, 'partial_rotary_factor', 'original_max_position_embeddings'),
      'sliding_window_pattern',
      '_sliding_window_pattern',
      'rope_local_base_freq',
      'text_config',
    ],
    idle: [
      'hidden_act',
      'mlp_bias',
      'vision_config',
      'mm_tokens_per_image',
      'boi_token_index',
      'eoi_token_index',
      'image_token_index',
      'image_token_id',
      'boi_token_id',
      'eoi_token_id',
    ],
  },
  readConfig(raw, file) {
    if (raw.model_type !== 'gemma3') return readText(raw, file);
    const { text_config } = raw;
    if (typeof text_config !== 'object' || text_config === null || Array.isArray(text_config)) {
      throw bad(
        file,
        `text_config is ${describeValue(text_config)}.`,
        'text_config',
        'the config of the language model',
      );
    }
    const tied = raw.tie_word_embeddings === undefined ? {} : { tie_word_embeddings: raw.tie_word_embeddings };
    const text = { ...TEXT_DEFAULTS, ...tied, ...text_config, architectures: raw.architectures };
    return { ...readText(text, file), model_type: 'gemma3' };
  },
};
