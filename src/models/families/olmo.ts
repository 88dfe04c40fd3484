/** @file OLMo 1 (arXiv 2402.00838): Llama with a LayerNorm that has no parameters, and clipped queries, keys and values. */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { positiveNumber } from '../config_fields.ts';
import { RMS_KEYS, without } from '../config_keys/keys.ts';
import { readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const FIELDS = v.object({ clip_qkv: v.nullish(positiveNumber()) });

export const olmo: Architecture = {
  family: 'OLMo',
  model_types: ['olmo'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: {
    read: [...without(RMS_KEYS, 'rms_norm_eps'), 'attention_bias', 'clip_qkv'],
    idle: ['mlp_bias', 'rms_norm_eps'],
  },
  readConfig(raw, file) {
    const config = withBias(readRmsConfig(raw, file, { class_name: 'OlmoForCausalLM' }), { mlp: false });
    const { clip_qkv } = parseConfig(FIELDS, raw, file);
    return {
      ...config,
      norm: { kind: 'layer_norm', eps: 1e-5, weight: false, bias: false },
      attention: { ...config.attention, ...(clip_qkv != null && { clip_qkv }) },
      layers: uniformLayers(config, { rotary: rotaryOf(raw, file, config) }),
    };
  },
};
