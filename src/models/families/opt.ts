/** @file OPT (arXiv 2205.01068) and Galactica: LayerNorm, biases, learned positions from row 2, ReLU or GELU. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig } from '../architecture.ts';
import { DECODER_FIELDS, flag, modelConfig, refused, refuseFlags, size } from '../config_fields.ts';
import { DECODER_KEYS, without } from '../config_keys/keys.ts';
import { activationName, layerNormConfig } from './layer_norm_family.ts';
import { uniformLayers } from './rms_family.ts';

const { intermediate_size: _, ...FIELDS } = DECODER_FIELDS;
const SCHEMA = v.object({
  ...FIELDS,
  ffn_dim: size(),
  word_embed_proj_dim: v.nullish(size()),
  activation_function: activationName('relu'),
  do_layer_norm_before: flag(true),
  enable_bias: flag(true),
  layer_norm_elementwise_affine: flag(true),
  tie_word_embeddings: flag(true),
});

/** The first rows of the table of positions belong to padding. */
const POSITION_OFFSET = 2;
/** Of nn.LayerNorm: the config has no key for it. */
const EPS = 1e-5;

export const opt: Architecture = {
  family: 'OPT',
  model_types: ['opt'],
  weights: {
    prefixes: ['model.decoder.', 'decoder.'],
    embed_tokens: 'embed_tokens',
    positions: 'embed_positions',
    layers: 'layers.',
    layer: {
      input_layernorm: 'self_attn_layer_norm',
      qkv: { q_proj: 'self_attn.q_proj', k_proj: 'self_attn.k_proj', v_proj: 'self_attn.v_proj' },
      o_proj: 'self_attn.out_proj',
      post_attention_layernorm: 'final_layer_norm',
      gate_up: { up_proj: 'fc1' },
      down_proj: 'fc2',
    },
    norm: 'final_layer_norm',
    lm_head: ['lm_head'],
  },
  ignored: [],
  config_keys: {
    read: [
      ...without(DECODER_KEYS, 'intermediate_size'),
      'ffn_dim',
      'word_embed_proj_dim',
      'activation_function',
      'do_layer_norm_before',
      'enable_bias',
      'layer_norm_elementwise_affine',
      '_remove_final_layer_norm',
    ],
  },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = parseConfig(SCHEMA, raw, file);
  const { hidden_size, word_embed_proj_dim, enable_bias: bias, layer_norm_elementwise_affine: affine } = config;
  if (!config.do_layer_norm_before) {
    const found =
      'The norms come after the additions (as in OPT-350m), so the residual stream itself is normalised and no rotation of it commutes.';
    throw refused(file, 'do_layer_norm_before', found, 'true');
  }
  if (word_embed_proj_dim != null && word_embed_proj_dim !== hidden_size) {
    const found = `Embeddings of ${word_embed_proj_dim} numbers are projected to the hidden size of ${hidden_size}.`;
    throw refused(file, 'word_embed_proj_dim', found, `hidden_size (${hidden_size})`);
  }
  refuseFlags(raw, file, { _remove_final_layer_norm: 'the head reads a residual stream that is not normed' });
  const model = modelConfig({ ...config, intermediate_size: config.ffn_dim }, 'OPTForCausalLM', file);
  const decoder = layerNormConfig(
    model,
    {
      eps: EPS,
      activation: { name: config.activation_function, field: 'activation_function' },
      bias: { qkv: bias, o: bias, mlp: bias },
    },
    file,
  );
  return {
    ...decoder,
    norm: { ...decoder.norm, weight: affine, bias: affine },
    layers: uniformLayers(model, {}),
    embedding: { positions: { offset: POSITION_OFFSET, rows: model.max_position_embeddings + POSITION_OFFSET } },
  };
}
