/** @file Phi-3, 3.5 and 4: fused projections, LongRoPE, a sliding window. arXiv 2404.14219. */
import * as v from 'valibot';
import { parseConfig } from '../../formats/hf/config.ts';
import type { Architecture, WeightNames } from '../architecture.ts';
import { size } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import { NO_BIAS, readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

const WEIGHTS: WeightNames = {
  ...LLAMA_WEIGHTS,
  layer: {
    ...LLAMA_WEIGHTS.layer,
    qkv: { qkv_proj: 'self_attn.qkv_proj', order: 'rows' },
    gate_up: { gate_up_proj: 'mlp.gate_up_proj' },
  },
};

const FIELDS = v.object({ sliding_window: v.nullish(size()) });

export const phi3: Architecture = {
  family: 'Phi-3, 3.5 and 4',
  model_types: ['phi3'],
  weights: WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: [...RMS_KEYS, 'sliding_window'], idle: BIAS_KEYS },
  readConfig(raw, file) {
    const config = readRmsConfig(raw, file, {
      class_name: 'Phi3ForCausalLM',
      max_position_embeddings: 4096,
      eps: 1e-5,
    });
    const { sliding_window } = parseConfig(FIELDS, raw, file);
    const rotary = rotaryOf(raw, file, config, { partial: 1, original_max_position_embeddings: 4096 });
    const layer = { rotary, ...(sliding_window != null && { sliding_window }) };
    return { ...withBias(config, NO_BIAS), layers: uniformLayers(config, layer) };
  },
};
