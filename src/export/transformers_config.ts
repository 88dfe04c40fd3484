/**
 * @file config.json and generation_config.json as transformers.js and Optimum read them. Slicing changes neither heads nor
 * layers, and the graph says the rest, so the config of the original model is right for its sliced one too; a pruned one's
 * has its sizes.
 */
import type { DecoderModel } from '../models/decoder_model.ts';
import { mistral3Text } from '../models/families/mistral3.ts';
import { baseName, dataFile, modelFile, transformersDtype } from './file_names.ts';
import type { Precision } from './precision.ts';
import { sizedConfig } from './sized_config.ts';

type Json = Record<string, unknown>;

/** Under which key transformers.js looks for the number of layers (its configs.js), where it is not num_hidden_layers. */
const LAYERS_KEY: Readonly<Record<string, string>> = { gpt2: 'n_layer', gptj: 'n_layer', bloom: 'n_layer' };

/**
 * config.json for a folder in the layout `kv_cache`: the original one, and what transformers.js needs to find the weights
 * without options.
 * @param files Paths that `writeOnnx` wrote.
 */
export function transformersConfig(
  raw: Readonly<Json>,
  model: DecoderModel,
  precision: Precision,
  files: readonly string[],
): Json {
  const { config } = model;
  const text = sizedConfig(textConfig(raw), model);
  const { model_type, num_hidden_layers, num_key_value_heads } = config;
  const own: Json = { ...text, [LAYERS_KEY[model_type] ?? 'num_hidden_layers']: num_hidden_layers };
  if (model_type === 'falcon') {
    // transformers.js takes `multi_query` for the one joint cache of GPT-BigCode; these two say the same to Optimum.
    Object.assign(own, { multi_query: false, num_kv_heads: num_key_value_heads });
  }
  const external = files.filter((name) => name.startsWith(dataFile('kv_cache', precision, 0))).length;
  return {
    ...own,
    'transformers.js_config': {
      ...object(text['transformers.js_config']),
      dtype: transformersDtype(precision),
      ...(external > 0 && { use_external_data_format: { [baseName(modelFile('kv_cache', precision))]: external } }),
    },
  };
}

/** The config as it was before {@link transformersConfig}. */
export function withoutTransformersJs(raw: Readonly<Json>): Json {
  const { 'transformers.js_config': own, ...rest } = raw;
  if (own === undefined || raw.model_type !== 'falcon') return rest;
  // The new architecture has the key for nothing; its configs say true.
  return { ...rest, multi_query: raw.num_kv_heads === 1 || raw.new_decoder_architecture === true };
}

/** The class of a language model that was taken out of a model with more parts, by its own type. */
const TEXT_CLASSES: Readonly<Record<string, string>> = {
  gemma3_text: 'Gemma3ForCausalLM',
  mistral: 'MistralForCausalLM',
  ministral3: 'Ministral3ForCausalLM',
};

/** The language model's part of a multimodal config (Gemma 3, Mistral 3), under its own type: no other part is exported. */
export function textConfig(raw: Readonly<Json>): Readonly<Json> {
  if (raw.model_type === 'mistral3') {
    const text = mistral3Text(raw, 'config.json');
    return { ...outside(raw), ...text, architectures: [TEXT_CLASSES[String(text.model_type)]] };
  }
  const text = raw.text_config;
  if (!isObject(text)) return raw;
  const model_type = String(text.model_type ?? 'gemma3_text');
  return { ...outside(raw), ...text, architectures: [TEXT_CLASSES[model_type] ?? 'Gemma3ForCausalLM'], model_type };
}

/** What is neither a part of its own nor about one that reads images. */
function outside(raw: Readonly<Json>): Readonly<Json> {
  const others =
    /^(architectures|(text|vision)_config|image_token_.*|projector_hidden_act|vision_feature_layer|multimodal_.*|spatial_merge_size)$/;
  return Object.fromEntries(Object.entries(raw).filter(([key]) => !others.test(key)));
}

const TOKEN_IDS = ['bos_token_id', 'eos_token_id', 'pad_token_id', 'decoder_start_token_id'] as const;

/**
 * generation_config.json: the source's own, or one made from the ids of special tokens in config.json. Without it
 * transformers.js would not stop at the end of a text.
 */
export function generationConfig(raw: Readonly<Json>, own?: Readonly<Json>): Json {
  if (own) return { ...own };
  const text = textConfig(raw);
  const ids = TOKEN_IDS.filter((key) => isTokenId(text[key])).map((key) => [key, text[key]]);
  return { _from_model_config: true, ...Object.fromEntries(ids) };
}

function isTokenId(value: unknown): boolean {
  const isId = (id: unknown) => Number.isInteger(id) && (id as number) >= 0;
  return Array.isArray(value) ? value.length > 0 && value.every(isId) : isId(value);
}

function object(value: unknown): Json {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
