/**
 * @file What the families that descend from Llama share: RMSNorm, rotary, grouped-query attention, a gated MLP, and the
 * names of their weights. A family's file says what differs.
 */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { DecoderConfig, LayerConfig, LayerNames, WeightNames } from '../architecture.ts';
import { activationOf, DECODER_FIELDS, flag, modelConfig, positive, size } from '../config_fields.ts';
import type { ModelConfig } from '../decoder_model.ts';
import { type RotaryOptions, readRotary } from '../rotary.ts';

export const LLAMA_LAYER: LayerNames = {
  input_layernorm: 'input_layernorm',
  qkv: { q_proj: 'self_attn.q_proj', k_proj: 'self_attn.k_proj', v_proj: 'self_attn.v_proj' },
  o_proj: 'self_attn.o_proj',
  post_attention_layernorm: 'post_attention_layernorm',
  gate_up: { gate_proj: 'mlp.gate_proj', up_proj: 'mlp.up_proj' },
  down_proj: 'mlp.down_proj',
};

export const LLAMA_WEIGHTS: WeightNames = {
  prefixes: ['model.', ''],
  embed_tokens: 'embed_tokens',
  layers: 'layers.',
  layer: LLAMA_LAYER,
  norm: 'norm',
  lm_head: ['lm_head'],
};

/** Layers of Gemma 2 and 3: a norm before and after each branch. */
export const SANDWICH_LAYER: LayerNames = {
  ...LLAMA_LAYER,
  attention_output_norm: 'post_attention_layernorm',
  post_attention_layernorm: 'pre_feedforward_layernorm',
  mlp_output_norm: 'post_feedforward_layernorm',
};

/** Frequencies that older versions of transformers stored. */
export const ROTARY_BUFFERS = /\.rotary_emb\.inv_freq$/;

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

/** The same for every layer. */
export function uniformLayers(model: ModelConfig, layer: LayerConfig): readonly LayerConfig[] {
  return Array.from({ length: model.num_hidden_layers }, () => layer);
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
