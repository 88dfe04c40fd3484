/**
 * @file Mistral 3: a Mistral or a Ministral 3 (`text_config.model_type`) beside a part that reads images. The language model alone
 * is read, by its own family; here is what the wrapper adds to both.
 */
import { bad, describeValue, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, WeightNames } from '../architecture.ts';
import { LLAMA_WEIGHTS } from './rms_names.ts';

const TYPE = 'mistral3';

/** What transformers takes where there is no text_config at all: Mistral Small 3.1. */
const DEFAULT_TEXT = {
  vocab_size: 131_072,
  hidden_size: 5120,
  intermediate_size: 32_768,
  num_hidden_layers: 40,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 128,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1e-5,
  rope_theta: 1_000_000_000,
  sliding_window: null,
};

export const MISTRAL3_WEIGHTS: WeightNames = {
  ...LLAMA_WEIGHTS,
  // Alone; in checkpoints on the Hub; in transformers 5
  prefixes: ['model.', 'language_model.model.', 'model.language_model.', ''],
  lm_head: ['lm_head', 'language_model.lm_head'],
};

export const MISTRAL3_PARTS = {
  classes: ['Mistral3ForConditionalGeneration'],
  weights: MISTRAL3_WEIGHTS,
  left_out: [{ pattern: /(^|\.)(vision_tower|multi_modal_projector)\./, what: 'The part that reads images' }],
} satisfies Partial<Architecture>;

/** Keys that the wrapper has and the language model does not. */
export const MISTRAL3_IDLE: readonly string[] = [
  'text_config',
  'vision_config',
  'image_token_index',
  'image_token_id',
  'projector_hidden_act',
  'vision_feature_layer',
  'multimodal_projector_bias',
  'spatial_merge_size',
];

/** The language model's config, complete, of a wrapper; any other config as it is. @param file For errors. */
export function mistral3Text(raw: RawConfig, file: string): RawConfig {
  if (raw.model_type !== TYPE) return raw;
  const { text_config = DEFAULT_TEXT } = raw;
  if (typeof text_config !== 'object' || text_config === null || Array.isArray(text_config)) {
    throw bad(file, `text_config is ${describeValue(text_config)}.`, 'text_config', 'the config of the language model');
  }
  const given = text_config as RawConfig;
  const { model_type = 'mistral' } = given;
  if (model_type !== 'mistral' && model_type !== 'ministral3') {
    const found = `The language model's type is ${describeValue(model_type)}.`;
    throw bad(file, found, 'text_config.model_type', 'mistral, ministral3');
  }
  return {
    ...given,
    model_type,
    // transformers ties the head by the outer key, whatever the inner one says.
    tie_word_embeddings: raw.tie_word_embeddings ?? true,
  };
}
