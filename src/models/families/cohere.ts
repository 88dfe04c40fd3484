/**
 * @file Command R: attention and MLP side by side behind one LayerNorm without bias, rotary on neighbouring elements, scaled
 * logits. Command R+ norms each head with a scale of its own (`use_qk_norm`).
 */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig } from '../architecture.ts';
import { DECODER_FIELDS, flag, modelConfig, positive } from '../config_fields.ts';
import { DECODER_KEYS, ROPE_KEYS, without } from '../config_keys/keys.ts';
import { activationName, layerNormConfig } from './layer_norm_family.ts';
import { rotaryOf, uniformLayers } from './rms_family.ts';
import { LLAMA_LAYER, LLAMA_WEIGHTS, NORMED_HEADS, ROTARY_BUFFERS } from './rms_names.ts';

const SCHEMA = v.object({
  ...DECODER_FIELDS,
  hidden_act: activationName('silu'),
  layer_norm_eps: positive(1e-5),
  logit_scale: positive(0.0625),
  attention_bias: flag(),
  use_qk_norm: flag(),
  tie_word_embeddings: flag(true),
});
const { post_attention_layernorm: _, ...PARALLEL_LAYER } = LLAMA_LAYER;

export const cohere: Architecture = {
  family: 'Command R',
  model_types: ['cohere'],
  weights: { ...LLAMA_WEIGHTS, layer: { ...PARALLEL_LAYER, ...NORMED_HEADS } },
  ignored: [ROTARY_BUFFERS],
  config_keys: {
    read: [
      ...without(DECODER_KEYS, 'head_dim'),
      ...ROPE_KEYS,
      'hidden_act',
      'layer_norm_eps',
      'logit_scale',
      'attention_bias',
      'use_qk_norm',
    ],
  },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = parseConfig(SCHEMA, raw, file);
  const model = modelConfig({ ...config, head_dim: undefined }, 'CohereForCausalLM', file);
  const decoder = layerNormConfig(
    model,
    {
      eps: config.layer_norm_eps,
      activation: { name: config.hidden_act, field: 'hidden_act' },
      bias: { qkv: config.attention_bias, o: config.attention_bias, mlp: false },
      gated: true,
    },
    file,
  );
  return {
    ...decoder,
    norm: { ...decoder.norm, bias: false },
    attention: { ...decoder.attention, ...(config.use_qk_norm && { head_norm: 'head_by_head' }) },
    layers: uniformLayers(model, { rotary: rotaryOf(raw, file, model, { theta: 500_000, interleaved: true }) }),
    parallel: 'one_norm',
    head: { scale: config.logit_scale },
  };
}
