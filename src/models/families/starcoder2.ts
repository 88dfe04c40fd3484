/** @file StarCoder2 (arXiv 2402.19173): LayerNorm, biases everywhere, grouped queries, rotary, a sliding window. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig } from '../architecture.ts';
import { DECODER_FIELDS, flag, modelConfig, positive, size } from '../config_fields.ts';
import { DECODER_KEYS, ROPE_KEYS } from '../config_keys/keys.ts';
import { activationName, layerNormConfig } from './layer_norm_family.ts';
import { rotaryOf, uniformLayers } from './rms_family.ts';
import { LLAMA_LAYER, LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const SCHEMA = v.object({
  ...DECODER_FIELDS,
  max_position_embeddings: v.nullish(size(), 4096),
  hidden_act: activationName('gelu_pytorch_tanh'),
  norm_epsilon: positive(1e-5),
  sliding_window: v.nullish(size()),
  use_bias: flag(true),
  tie_word_embeddings: flag(true),
});

export const starcoder2: Architecture = {
  family: 'StarCoder2',
  model_types: ['starcoder2'],
  weights: {
    ...LLAMA_WEIGHTS,
    layer: { ...LLAMA_LAYER, gate_up: { up_proj: 'mlp.c_fc' }, down_proj: 'mlp.c_proj' },
  },
  ignored: [ROTARY_BUFFERS],
  config_keys: {
    read: [...DECODER_KEYS, ...ROPE_KEYS, 'hidden_act', 'norm_epsilon', 'sliding_window', 'use_bias'],
    idle: ['mlp_type', 'norm_type'],
  },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = parseConfig(SCHEMA, raw, file);
  const { use_bias: bias, sliding_window } = config;
  const model = modelConfig(config, 'Starcoder2ForCausalLM', file);
  const decoder = layerNormConfig(
    model,
    {
      eps: config.norm_epsilon,
      activation: { name: config.hidden_act, field: 'hidden_act' },
      bias: { qkv: bias, o: bias, mlp: bias },
    },
    file,
  );
  const layer = { rotary: rotaryOf(raw, file, model), ...(sliding_window != null && { sliding_window }) };
  return { ...decoder, layers: uniformLayers(model, layer) };
}
