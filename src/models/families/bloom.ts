/** @file BLOOM (arXiv 2211.05100): ALiBi, a LayerNorm of the embeddings, q, k and v of a head side by side. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig } from '../architecture.ts';
import { flag, modelConfig, positive, refuseFlags, size } from '../config_fields.ts';
import { alibiSlopes } from './alibi.ts';
import { layerNormConfig, respelled, STORED_BUFFERS } from './layer_norm_family.ts';
import { uniformLayers } from './rms_family.ts';

const SCHEMA = v.object({
  model_type: v.string(),
  architectures: v.nullish(v.array(v.string('names of classes'))),
  hidden_size: size(),
  n_layer: size(10_000),
  n_head: size(),
  vocab_size: size(),
  /** What it was trained with; ALiBi itself has no limit. */
  seq_length: v.nullish(size(), 2048),
  layer_norm_epsilon: positive(1e-5),
  tie_word_embeddings: flag(true),
});
const OTHER_NAMES = { hidden_size: 'n_embed', n_layer: 'num_hidden_layers', n_head: 'num_attention_heads' };

export const bloom: Architecture = {
  family: 'BLOOM',
  model_types: ['bloom'],
  weights: {
    prefixes: ['transformer.', ''],
    embed_tokens: 'word_embeddings',
    embedding_norm: 'word_embeddings_layernorm',
    layers: 'h.',
    layer: {
      input_layernorm: 'input_layernorm',
      qkv: { qkv_proj: 'self_attention.query_key_value', order: 'grouped' },
      o_proj: 'self_attention.dense',
      post_attention_layernorm: 'post_attention_layernorm',
      gate_up: { up_proj: 'mlp.dense_h_to_4h' },
      down_proj: 'mlp.dense_4h_to_h',
    },
    norm: 'ln_f',
    lm_head: ['lm_head'],
  },
  ignored: [STORED_BUFFERS],
  config_keys: {
    read: [
      'hidden_size',
      'n_embed',
      'n_layer',
      'num_hidden_layers',
      'n_head',
      'num_attention_heads',
      'vocab_size',
      'seq_length',
      'layer_norm_epsilon',
      'tie_word_embeddings',
      'apply_residual_connection_post_layernorm',
    ],
    idle: [
      'slow_but_exact',
      'masked_softmax_fusion',
      'bias_dropout_fusion',
      'attention_softmax_in_fp32',
      'n_inner',
      'offset_alibi',
      'skip_bias_add',
      'skip_bias_add_qkv',
      'unk_token_id',
    ],
  },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = parseConfig(SCHEMA, respelled(raw, OTHER_NAMES, file), file);
  refuseFlags(raw, file, {
    apply_residual_connection_post_layernorm:
      'the residual stream goes on from the norm, so no rotation of it commutes',
  });
  const { hidden_size, n_head } = config;
  const model = modelConfig(
    {
      ...config,
      intermediate_size: 4 * hidden_size,
      num_hidden_layers: config.n_layer,
      num_attention_heads: n_head,
      num_key_value_heads: undefined,
      head_dim: undefined,
      max_position_embeddings: config.seq_length,
    },
    'BloomForCausalLM',
    file,
  );
  const decoder = layerNormConfig(
    model,
    {
      eps: config.layer_norm_epsilon,
      // BLOOM's own GELU is the tanh approximation; the config has no key for it.
      activation: { name: 'gelu_pytorch_tanh', field: 'activation_function' },
      bias: { qkv: true, o: true, mlp: true },
    },
    file,
  );
  return {
    ...decoder,
    attention: { ...decoder.attention, alibi_slopes: alibiSlopes(n_head) },
    layers: uniformLayers(model, {}),
  };
}
