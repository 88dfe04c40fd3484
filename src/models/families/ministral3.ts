/** @file Ministral 3: Mistral with YaRN, whose queries grow with their position beyond the original context. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { positiveNumber, size } from '../config_fields.ts';
import { BIAS_KEYS, RMS_KEYS } from '../config_keys/keys.ts';
import type { QueryScale } from '../decoder_model.ts';
import { MISTRAL3_IDLE, MISTRAL3_PARTS, mistral3Text } from './mistral3.ts';
import { NO_BIAS, readRmsConfig, ropeOr, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { ROTARY_BUFFERS } from './rms_names.ts';

const ROPE = {
  rope_type: 'yarn',
  rope_theta: 1_000_000,
  factor: 16,
  original_max_position_embeddings: 16_384,
  beta_fast: 32,
  beta_slow: 1,
  mscale: 1,
  mscale_all_dim: 1,
  llama_4_scaling_beta: 0.1,
};

const FIELDS = v.object({ sliding_window: v.nullish(size()) });

const SCALING = v.object({
  llama_4_scaling_beta: v.nullish(v.pipe(v.number('a number'), v.finite('a number')), 0),
  original_max_position_embeddings: v.nullish(positiveNumber()),
});

export const ministral3: Architecture = {
  family: 'Ministral 3',
  model_types: ['ministral3'],
  ...MISTRAL3_PARTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: {
    read: [...RMS_KEYS, 'sliding_window'],
    idle: [...BIAS_KEYS, ...MISTRAL3_IDLE],
    rope: ['llama_4_scaling_beta'],
  },
  readConfig(given, file) {
    const raw = mistral3Text(given, file);
    const config = readRmsConfig(raw, file, {
      class_name: 'Ministral3ForCausalLM',
      max_position_embeddings: 262_144,
      head_dim: 128,
      eps: 1e-5,
    });
    const own = ropeOr(raw, ROPE);
    const { sliding_window } = parseConfig(FIELDS, raw, file);
    const query_scale = queryScale(own, file, config.max_position_embeddings);
    const rotary = { ...rotaryOf(own, file, config), ...(query_scale && { query_scale }) };
    const layer = { rotary, ...(sliding_window != null && { sliding_window }) };
    return { ...withBias(config, NO_BIAS), layers: uniformLayers(config, layer) };
  },
};

/** Undefined where queries are not scaled. */
function queryScale(raw: RawConfig, file: string, longest: number): QueryScale | undefined {
  const field = raw.rope_scaling == null ? 'rope_parameters' : 'rope_scaling';
  const parsed = parseConfig(v.object({ [field]: SCALING }), { [field]: raw[field] }, file);
  const { llama_4_scaling_beta: beta, original_max_position_embeddings: period } = parsed[field];
  return beta === 0 ? undefined : { beta, period: period ?? longest };
}
