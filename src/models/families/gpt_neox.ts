/** @file GPT-NeoX and Pythia (arXiv 2204.06745): side by side, each branch with a LayerNorm of its own, fused q, k, v. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig } from '../architecture.ts';
import { DECODER_FIELDS, flag, modelConfig, positive } from '../config_fields.ts';
import { DECODER_KEYS, ROPE_KEYS, without } from '../config_keys/keys.ts';
import { activationName, layerNormConfig, STORED_BUFFERS } from './layer_norm_family.ts';
import { rotaryOf, uniformLayers } from './rms_family.ts';

const SCHEMA = v.object({
  ...DECODER_FIELDS,
  hidden_act: activationName('gelu'),
  layer_norm_eps: positive(1e-5),
  rotary_pct: positive(0.25),
  rotary_emb_base: positive(10_000),
  use_parallel_residual: flag(true),
  attention_bias: flag(true),
  tie_word_embeddings: flag(),
});

export const gptNeox: Architecture = {
  family: 'GPT-NeoX',
  model_types: ['gpt_neox'],
  weights: {
    prefixes: ['gpt_neox.', ''],
    embed_tokens: 'embed_in',
    layers: 'layers.',
    layer: {
      input_layernorm: 'input_layernorm',
      qkv: { qkv_proj: 'attention.query_key_value', order: 'grouped' },
      o_proj: 'attention.dense',
      post_attention_layernorm: 'post_attention_layernorm',
      gate_up: { up_proj: 'mlp.dense_h_to_4h' },
      down_proj: 'mlp.dense_4h_to_h',
    },
    norm: 'final_layer_norm',
    lm_head: ['embed_out', 'lm_head'],
  },
  ignored: [STORED_BUFFERS],
  config_keys: {
    read: [
      ...DECODER_KEYS,
      ...without(ROPE_KEYS, 'partial_rotary_factor', 'rope_theta'),
      'hidden_act',
      'layer_norm_eps',
      'rotary_pct',
      'rotary_emb_base',
      'use_parallel_residual',
      'attention_bias',
    ],
  },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = parseConfig(SCHEMA, raw, file);
  const { attention_bias, rotary_pct: partial, rotary_emb_base: theta } = config;
  const model = modelConfig({ ...config, num_key_value_heads: undefined }, 'GPTNeoXForCausalLM', file);
  const decoder = layerNormConfig(
    model,
    {
      eps: config.layer_norm_eps,
      activation: { name: config.hidden_act, field: 'hidden_act' },
      bias: { qkv: attention_bias, o: attention_bias, mlp: true },
    },
    file,
  );
  return {
    ...decoder,
    layers: uniformLayers(model, { rotary: rotaryOf(withoutOthersNames(raw), file, model, { partial, theta }) }),
    ...(config.use_parallel_residual && { parallel: 'two_norms' }),
  };
}

/** Outside `rope_parameters` the keys are `rotary_pct` and `rotary_emb_base`; the names that other families have there are not read. */
function withoutOthersNames({ partial_rotary_factor: _, rope_theta: __, ...rest }: RawConfig): RawConfig {
  return rest;
}
