/**
 * @file Falcon (arXiv 2311.16867) in its three layouts: 7B (side by side, one norm, one key head), 40B and 180B ("new":
 * side by side, two norms, grouped heads; 11B has one norm) and RW (one after the other, ALiBi, biases).
 */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig, LayerNames } from '../architecture.ts';
import { DECODER_FIELDS, flag, modelConfig, positive, refused, size } from '../config_fields.ts';
import { DECODER_KEYS, ROPE_KEYS, without } from '../config_keys/keys.ts';
import { alibiSlopes } from './alibi.ts';
import { activationName, layerNormConfig, STORED_BUFFERS } from './layer_norm_family.ts';
import { rotaryOf, uniformLayers } from './rms_family.ts';

const { intermediate_size: _, ...FIELDS } = DECODER_FIELDS;
const SCHEMA = v.object({
  ...FIELDS,
  ffn_hidden_size: v.nullish(size()),
  num_kv_heads: v.nullish(size()),
  num_ln_in_parallel_attn: v.nullish(size(2)),
  activation: activationName('gelu'),
  layer_norm_epsilon: positive(1e-5),
  alibi: flag(),
  bias: flag(),
  multi_query: flag(true),
  new_decoder_architecture: flag(),
  parallel_attn: flag(true),
  tie_word_embeddings: flag(true),
});

/** By {@link DecoderConfig.parallel}. */
const NORMS = {
  one_norm: { input_layernorm: 'input_layernorm' },
  two_norms: { input_layernorm: 'ln_attn', post_attention_layernorm: 'ln_mlp' },
  sequential: { input_layernorm: 'input_layernorm', post_attention_layernorm: 'post_attention_layernorm' },
};

const LAYER: LayerNames = {
  // One key head is one group: all queries, the key, the value.
  qkv: { qkv_proj: 'self_attention.query_key_value', order: 'grouped' },
  o_proj: 'self_attention.dense',
  gate_up: { up_proj: 'mlp.dense_h_to_4h' },
  down_proj: 'mlp.dense_4h_to_h',
};

export const falcon: Architecture = {
  family: 'Falcon',
  model_types: ['falcon'],
  weights: ({ parallel }) => ({
    prefixes: ['transformer.', ''],
    embed_tokens: 'word_embeddings',
    layers: 'h.',
    layer: { ...LAYER, ...NORMS[parallel ?? 'sequential'] },
    norm: 'ln_f',
    lm_head: ['lm_head'],
  }),
  ignored: [STORED_BUFFERS],
  config_keys: {
    read: [
      ...without(DECODER_KEYS, 'intermediate_size'),
      ...ROPE_KEYS,
      'ffn_hidden_size',
      'num_kv_heads',
      'num_ln_in_parallel_attn',
      'activation',
      'layer_norm_epsilon',
      'alibi',
      'bias',
      'multi_query',
      'new_decoder_architecture',
      'parallel_attn',
    ],
  },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = parseConfig(SCHEMA, raw, file);
  const { new_decoder_architecture: isNew, parallel_attn, bias, alibi } = config;
  if (isNew && !parallel_attn) {
    const found = 'The new decoder architecture always has attention and MLP side by side.';
    throw refused(file, 'parallel_attn', found, 'true, as new_decoder_architecture is');
  }
  const model = modelConfig(
    {
      ...config,
      intermediate_size: config.ffn_hidden_size ?? 4 * config.hidden_size,
      num_key_value_heads: isNew ? config.num_kv_heads : config.multi_query ? 1 : undefined,
    },
    'FalconForCausalLM',
    file,
  );
  const decoder = layerNormConfig(
    model,
    {
      eps: config.layer_norm_epsilon,
      activation: { name: config.activation, field: 'activation' },
      bias: { qkv: bias, o: bias, mlp: bias },
    },
    file,
  );
  const { attention } = decoder;
  // Falcon adds ALiBi before the scores are scaled.
  const slopes = alibi ? alibiSlopes(model.num_attention_heads).map((slope) => slope * attention.scale) : undefined;
  const two_norms = isNew && (config.num_ln_in_parallel_attn ?? 2) === 2;
  return {
    ...decoder,
    attention: { ...attention, ...(slopes && { alibi_slopes: slopes }) },
    layers: uniformLayers(model, alibi ? {} : { rotary: rotaryOf(raw, file, model) }),
    ...(parallel_attn && { parallel: two_norms ? 'two_norms' : 'one_norm' }),
  };
}
