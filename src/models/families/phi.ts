/** @file Phi-1, 1.5 and 2: attention and MLP side by side behind one LayerNorm, biases everywhere, the head included. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig } from '../architecture.ts';
import { DECODER_FIELDS, flag, modelConfig, positive, refuseFlags } from '../config_fields.ts';
import { DECODER_KEYS, ROPE_KEYS } from '../config_keys/keys.ts';
import { activationName, layerNormConfig } from './layer_norm_family.ts';
import { rotaryOf, uniformLayers } from './rms_family.ts';
import { ROTARY_BUFFERS } from './rms_names.ts';

const SCHEMA = v.object({
  ...DECODER_FIELDS,
  hidden_act: activationName('gelu_new'),
  layer_norm_eps: positive(1e-5),
  tie_word_embeddings: flag(),
});

export const phi: Architecture = {
  family: 'Phi',
  model_types: ['phi'],
  weights: {
    prefixes: ['model.', ''],
    embed_tokens: 'embed_tokens',
    layers: 'layers.',
    layer: {
      input_layernorm: 'input_layernorm',
      qkv: { q_proj: 'self_attn.q_proj', k_proj: 'self_attn.k_proj', v_proj: 'self_attn.v_proj' },
      o_proj: 'self_attn.dense',
      gate_up: { up_proj: 'mlp.fc1' },
      down_proj: 'mlp.fc2',
    },
    norm: 'final_layernorm',
    lm_head: ['lm_head'],
  },
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...DECODER_KEYS, ...ROPE_KEYS, 'hidden_act', 'layer_norm_eps', 'qk_layernorm'] },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = parseConfig(SCHEMA, raw, file);
  refuseFlags(raw, file, { qk_layernorm: 'queries and keys have a LayerNorm of their own' });
  const model = modelConfig(config, 'PhiForCausalLM', file);
  const decoder = layerNormConfig(
    model,
    {
      eps: config.layer_norm_eps,
      activation: { name: config.hidden_act, field: 'hidden_act' },
      bias: { qkv: true, o: true, mlp: true },
    },
    file,
  );
  return {
    ...decoder,
    layers: uniformLayers(model, { rotary: rotaryOf(raw, file, model, { partial: 0.5 }) }),
    parallel: 'one_norm',
    head: { bias: true },
  };
}
