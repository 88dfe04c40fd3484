/** @file Gemma 2 (arXiv 2408.00118): norms on both sides of each branch, soft caps, every other layer with a window. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { layerTypes, positive, positiveNumber, size } from '../config_fields.ts';
import { without } from '../config_keys/keys.ts';
import { GEMMA_KEYS, readGemmaConfig } from './gemma.ts';
import { type FamilyDefaults, type RmsConfig, rotaryOf, slidingLayers, windowedLayers } from './rms_family.ts';
import { ROTARY_BUFFERS, SANDWICH_WEIGHTS } from './rms_names.ts';

/** What Gemma 2 and 3 read. */
export const CAPPED_KEYS: readonly string[] = [
  ...without(GEMMA_KEYS, 'hidden_act'),
  'hidden_activation',
  'query_pre_attn_scalar',
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'sliding_window',
  'layer_types',
];

/** `undefined`: the key is missing. `null`: no cap. */
const cap = (fallback: number | null) => v.optional(v.nullable(positiveNumber()), fallback);

/** Scale and caps, as Gemma 2 and 3 read them. @param caps Where the config has no such keys. */
export function readCappedConfig(
  raw: RawConfig,
  file: string,
  defaults: Partial<FamilyDefaults>,
  caps: { readonly attention: number | null; readonly final: number | null },
): RmsConfig {
  const config = readGemmaConfig(raw, file, defaults);
  const fields = parseConfig(
    v.object({
      query_pre_attn_scalar: positive(256),
      attn_logit_softcapping: cap(caps.attention),
      final_logit_softcapping: cap(caps.final),
    }),
    raw,
    file,
  );
  const { attn_logit_softcapping, final_logit_softcapping } = fields;
  return {
    ...config,
    attention: {
      ...config.attention,
      scale: 1 / Math.sqrt(fields.query_pre_attn_scalar),
      ...(attn_logit_softcapping !== null && { soft_cap: attn_logit_softcapping }),
    },
    head: { ...(final_logit_softcapping !== null && { soft_cap: final_logit_softcapping }) },
  };
}

/** Sizes of the windows and the layers that have them, as Gemma 2 and 3 write them. */
export const WINDOW_FIELDS = {
  sliding_window: v.optional(v.nullable(size()), 4096),
  layer_types: layerTypes(),
};

export const gemma2: Architecture = {
  family: 'Gemma 2',
  model_types: ['gemma2'],
  weights: SANDWICH_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: CAPPED_KEYS, idle: ['hidden_act', 'mlp_bias', 'cache_implementation'] },
  readConfig(raw, file) {
    const config = readCappedConfig(raw, file, { class_name: 'Gemma2ForCausalLM' }, { attention: 50, final: 30 });
    const { sliding_window, layer_types } = parseConfig(v.object(WINDOW_FIELDS), raw, file);
    const rotary = rotaryOf(raw, file, config);
    const sliding = slidingLayers(layer_types, config.num_hidden_layers, (index) => index % 2 === 0, file);
    return { ...config, layers: windowedLayers(config, sliding, sliding_window ?? undefined, () => ({ rotary })) };
  },
};
