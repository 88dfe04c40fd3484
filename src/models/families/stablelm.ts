/** @file StableLM 2 (arXiv 2402.17834): Llama's layout with LayerNorm and rotary on a part of each head. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig } from '../architecture.ts';
import { DECODER_FIELDS, flag, modelConfig, positive, refuseFlags } from '../config_fields.ts';
import { DECODER_KEYS, ROPE_KEYS } from '../config_keys/keys.ts';
import { activationName, layerNormConfig } from './layer_norm_family.ts';
import { rotaryOf, uniformLayers } from './rms_family.ts';
import { LLAMA_LAYER, LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const SCHEMA = v.object({
  ...DECODER_FIELDS,
  hidden_act: activationName('silu'),
  layer_norm_eps: positive(1e-5),
  use_qkv_bias: flag(),
  use_parallel_residual: flag(),
  tie_word_embeddings: flag(),
});
const { post_attention_layernorm: _, ...PARALLEL_LAYER } = LLAMA_LAYER;

export const stablelm: Architecture = {
  family: 'StableLM',
  model_types: ['stablelm'],
  weights: ({ parallel }) => (parallel ? { ...LLAMA_WEIGHTS, layer: PARALLEL_LAYER } : LLAMA_WEIGHTS),
  ignored: [ROTARY_BUFFERS],
  config_keys: {
    read: [
      ...DECODER_KEYS,
      ...ROPE_KEYS,
      'hidden_act',
      'layer_norm_eps',
      'use_qkv_bias',
      'use_parallel_residual',
      'qk_layernorm',
    ],
  },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = parseConfig(SCHEMA, raw, file);
  refuseFlags(raw, file, { qk_layernorm: 'queries and keys have a LayerNorm of their own for each head' });
  const model = modelConfig(config, 'StableLmForCausalLM', file);
  const decoder = layerNormConfig(
    model,
    {
      eps: config.layer_norm_eps,
      activation: { name: config.hidden_act, field: 'hidden_act' },
      bias: { qkv: config.use_qkv_bias, o: false, mlp: false },
      gated: true,
    },
    file,
  );
  return {
    ...decoder,
    layers: uniformLayers(model, { rotary: rotaryOf(raw, file, model, { partial: 0.25 }) }),
    ...(config.use_parallel_residual && { parallel: 'one_norm' }),
  };
}
