/** @file Nemotron 3 8B, Nemotron-4, Minitron (arXiv 2407.14679): LayerNorm with 1 + γ, squared ReLU, rotary on half of each head. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig } from '../architecture.ts';
import { DECODER_FIELDS, flag, modelConfig, positive, size } from '../config_fields.ts';
import { BIAS_KEYS, DECODER_KEYS, ROPE_KEYS } from '../config_keys/keys.ts';
import { activationName, layerNormConfig } from './layer_norm_family.ts';
import { rotaryOf, uniformLayers } from './rms_family.ts';
import { LLAMA_LAYER, LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const SCHEMA = v.object({
  ...DECODER_FIELDS,
  max_position_embeddings: v.nullish(size(), 4096),
  hidden_act: activationName('relu2'),
  norm_eps: positive(1e-5),
  attention_bias: flag(),
  mlp_bias: flag(),
  tie_word_embeddings: flag(),
});

export const nemotron: Architecture = {
  family: 'Nemotron',
  model_types: ['nemotron'],
  weights: { ...LLAMA_WEIGHTS, layer: { ...LLAMA_LAYER, gate_up: { up_proj: 'mlp.up_proj' } } },
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...DECODER_KEYS, ...ROPE_KEYS, ...BIAS_KEYS, 'hidden_act', 'norm_eps'] },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = parseConfig(SCHEMA, raw, file);
  const { attention_bias: attention, mlp_bias: mlp } = config;
  const model = modelConfig(config, 'NemotronForCausalLM', file);
  const decoder = layerNormConfig(
    model,
    {
      eps: config.norm_eps,
      activation: { name: config.hidden_act, field: 'hidden_act' },
      bias: { qkv: attention, o: attention, mlp },
    },
    file,
  );
  return {
    ...decoder,
    norm: { ...decoder.norm, weight_offset: 1 },
    layers: uniformLayers(model, { rotary: rotaryOf(raw, file, model, { partial: 0.5 }) }),
  };
}
