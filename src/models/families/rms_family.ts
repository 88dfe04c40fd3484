/**
 * @file What the configs of the families that descend from Llama share: RMSNorm, rotary, grouped-query attention, a gated
 * MLP. A family's file says what differs; `rms_names.ts` has the names of their weights.
 */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { AttentionBias, DecoderConfig, LayerConfig } from '../architecture.ts';
import { activationOf, DECODER_FIELDS, flag, modelConfig, perLayer, positive, size } from '../config_fields.ts';
import type { ModelConfig } from '../decoder_model.ts';
import { type RotaryOptions, readRotary } from '../rotary.ts';

/** What a family's config leaves out when it has the family's value. */
export interface FamilyDefaults {
  readonly class_name: string;
  readonly tie_word_embeddings?: boolean;
  readonly eps?: number;
  readonly hidden_act?: string;
  readonly max_position_embeddings?: number;
  readonly head_dim?: number;
  readonly theta?: number;
}

export type RmsConfig = Omit<DecoderConfig, 'layers'>;

/** A config with the key names of Llama's: everything but the layers, which take a rotary embedding and perhaps windows. */
export function readRmsConfig(raw: RawConfig, file: string, defaults: FamilyDefaults): RmsConfig {
  const config = parseConfig(
    v.object({
      ...DECODER_FIELDS,
      head_dim: v.nullish(size(), defaults.head_dim),
      max_position_embeddings: v.nullish(size(), defaults.max_position_embeddings ?? 2048),
      hidden_act: v.nullish(v.string('the name of an activation'), defaults.hidden_act ?? 'silu'),
      rms_norm_eps: positive(defaults.eps ?? 1e-6),
      tie_word_embeddings: flag(defaults.tie_word_embeddings),
      attention_bias: flag(),
      mlp_bias: flag(),
    }),
    raw,
    file,
  );
  const model = modelConfig(config, defaults.class_name, file);
  const { attention_bias: attention, mlp_bias: mlp } = config;
  return {
    ...model,
    norm: { kind: 'rms_norm', eps: config.rms_norm_eps, bias: false },
    attention: {
      bias: { q: attention, k: attention, v: attention, o: attention },
      scale: 1 / Math.sqrt(model.head_dim),
    },
    mlp: {
      gated: true,
      activation: activationOf(config.hidden_act, 'hidden_act', file),
      bias: { gate: mlp, up: mlp, down: mlp },
    },
  };
}

/** The config with other biases than `attention_bias` and `mlp_bias` say, for families that do not have these keys. */
export function withBias(config: RmsConfig, bias: { attention?: AttentionBias; mlp?: boolean }): RmsConfig {
  const { attention, mlp } = config;
  const { mlp: biased } = bias;
  return {
    ...config,
    attention: { ...attention, bias: bias.attention ?? attention.bias },
    mlp: { ...mlp, bias: biased === undefined ? mlp.bias : { gate: biased, up: biased, down: biased } },
  };
}

export const NO_BIAS = { attention: { q: false, k: false, v: false, o: false }, mlp: false } as const;

/** The same for every layer. */
export function uniformLayers(model: ModelConfig, layer: LayerConfig): readonly LayerConfig[] {
  return Array.from({ length: model.num_hidden_layers }, () => layer);
}

/** Layers of which some see a sliding window, by `layer_types` or by the family's rule. */
export function windowedLayers(
  model: ModelConfig,
  sliding: (index: number) => boolean,
  window: number | undefined,
  layer: (index: number) => LayerConfig,
): readonly LayerConfig[] {
  return Array.from({ length: model.num_hidden_layers }, (_, index) => ({
    ...layer(index),
    ...(window !== undefined && sliding(index) && { sliding_window: window }),
  }));
}

/** `layer_types` of the config, or the family's rule where it has none. Throws `bad_config`. */
export function slidingLayers(
  types: readonly string[] | null | undefined,
  layers: number,
  rule: (index: number) => boolean,
  file: string,
): (index: number) => boolean {
  if (!types) return rule;
  const known = perLayer(types, layers, 'layer_types', file);
  return (index) => known[index] === 'sliding_attention';
}

/** The config with the family's rotary embedding where it says nothing of one. */
export function ropeOr(raw: RawConfig, rope_parameters: RawConfig): RawConfig {
  return raw.rope_parameters == null && raw.rope_scaling == null ? { ...raw, rope_parameters } : raw;
}

/** Rotary as the config says, for heads of `model`. */
export function rotaryOf(
  raw: RawConfig,
  file: string,
  { head_dim, max_position_embeddings }: ModelConfig,
  options: Partial<RotaryOptions> = {},
) {
  return readRotary(raw, file, { head_dim, max_position_embeddings, ...options });
}
