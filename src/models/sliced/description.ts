/**
 * @file A canonical model without its weights, as JSON: `whittle.decoder` of the config.json that Whittle writes. Weights
 * are names of tensors; two uses of one name are one weight. Sizes of the residual stream stand in no field: they are
 * those of the tensors, which are checked against each other when the model is built again.
 */
import * as v from 'valibot';
import { WhittleError } from '../../errors/errors.ts';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import { count, positiveNumber, size } from '../config_fields.ts';

export const DESCRIPTION_VERSION = 1;

const name = () => v.pipe(v.string('the name of a tensor'), v.nonEmpty('the name of a tensor'));
const number = () => v.pipe(v.number('a number'), v.finite('a number'));
const isTrue = () => v.literal(true, 'true, or the field absent');
const list = () => v.array(number(), 'a list of numbers');
const inputBits = () => v.pipe(size(16), v.minValue(2, 'at least 2'));

const CONFIG = v.strictObject({
  model_type: v.string('a text'),
  architecture: v.string('a text'),
  hidden_size: size(),
  intermediate_size: size(),
  num_hidden_layers: size(10_000),
  num_attention_heads: size(),
  num_key_value_heads: size(),
  head_dim: size(),
  vocab_size: size(),
  max_position_embeddings: size(),
  tie_word_embeddings: v.boolean('true or false'),
});

const NORM = v.strictObject({
  kind: v.picklist(['rms_norm', 'layer_norm'], 'rms_norm or layer_norm'),
  weight: v.optional(name()),
  bias: v.optional(name()),
  weight_offset: v.optional(number()),
  eps: v.pipe(number(), v.minValue(0, 'a number, at least 0')),
  normalized_size: size(),
  heads: v.optional(size()),
});

/** How what a linear reads is rounded (`InputQuantization`). */
const INPUT = v.variant(
  'kind',
  [
    v.strictObject({ kind: v.literal('token'), bits: inputBits(), keep_above: v.optional(positiveNumber()) }),
    v.strictObject({
      kind: v.literal('clusters'),
      bits: inputBits(),
      clusters: size(),
      grid: v.strictObject({ cluster: v.array(count(), 'a list of clusters'), scale: list(), zero: list() }),
    }),
  ],
  'token or clusters',
);

const LINEAR = v.strictObject({
  weight: name(),
  bias: v.optional(name()),
  /** Index into `inputs` of the whole description. */
  input: v.optional(count()),
});

const ROTARY = v.strictObject({
  dim: size(),
  inv_freq: list(),
  attention_factor: number(),
  interleaved: v.boolean('true or false'),
  long: v.optional(v.strictObject({ beyond: count(), inv_freq: list(), attention_factor: number() })),
  query_scale: v.optional(v.strictObject({ beta: number(), period: positiveNumber() })),
});

const ATTENTION = v.strictObject({
  q_proj: LINEAR,
  k_proj: LINEAR,
  v_proj: LINEAR,
  o_proj: LINEAR,
  num_attention_heads: size(),
  num_key_value_heads: size(),
  head_dim: size(),
  scale: number(),
  clip_qkv: v.optional(positiveNumber()),
  /** Index into `rotary` of the whole description. */
  rotary: v.optional(count()),
  q_norm: v.optional(NORM),
  k_norm: v.optional(NORM),
  sliding_window: v.optional(size()),
  soft_cap: v.optional(positiveNumber()),
  alibi_slopes: v.optional(list()),
});

const MLP = v.strictObject({
  gate_proj: v.optional(LINEAR),
  up_proj: LINEAR,
  down_proj: LINEAR,
  activation: v.picklist(
    ['silu', 'relu', 'gelu', 'gelu_tanh', 'relu2', 'xielu'],
    'silu, relu, gelu, gelu_tanh, relu2 or xielu',
  ),
  xielu: v.optional(
    v.strictObject({ alpha_p: name(), alpha_n: name(), beta: v.optional(name()), eps: v.optional(name()) }),
  ),
});

const LAYER = v.strictObject({
  parallel: v.optional(isTrue()),
  input_layernorm: v.optional(NORM),
  attention: ATTENTION,
  attention_output_norm: v.optional(NORM),
  /** The text: both branches of a parallel layer read one norm. */
  post_attention_layernorm: v.optional(v.union([v.literal('input_layernorm'), NORM], 'a norm, or "input_layernorm"')),
  mlp: MLP,
  mlp_output_norm: v.optional(NORM),
  residual_multiplier: v.optional(number()),
  attn_shortcut_Q: v.optional(name()),
  mlp_shortcut_Q: v.optional(name()),
});

const EMBEDDING = v.strictObject({
  weight: name(),
  scale: v.optional(number()),
  norm: v.optional(NORM),
  centered: v.optional(isTrue()),
  projection: v.optional(name()),
  positions: v.optional(v.strictObject({ weight: name(), offset: count() })),
});

const HEAD = v.strictObject({
  weight: name(),
  bias: v.optional(name()),
  projection: v.optional(name()),
  scale: v.optional(number()),
  soft_cap: v.optional(positiveNumber()),
});

const DECODER = v.strictObject({
  version: v.literal(DESCRIPTION_VERSION, String(DESCRIPTION_VERSION)),
  config: CONFIG,
  /** Each distinct rotary embedding once. */
  rotary: v.array(ROTARY, 'a list'),
  /** Each distinct way of rounding inputs once. */
  inputs: v.optional(v.array(INPUT, 'a list')),
  embed_tokens: EMBEDDING,
  layers: v.array(LAYER, 'a list of layers'),
  norm: NORM,
  lm_head: HEAD,
});

export type DecoderDescription = v.InferOutput<typeof DECODER>;
export type LayerDescription = v.InferOutput<typeof LAYER>;
export type AttentionDescription = v.InferOutput<typeof ATTENTION>;
export type NormDescription = v.InferOutput<typeof NORM>;
export type LinearDescription = v.InferOutput<typeof LINEAR>;

/** Where a description stands in config.json. */
export const DESCRIPTION_FIELD = 'whittle.decoder';

const ROOT = v.object({ whittle: v.object({ decoder: DECODER }) });

/** Whether a config.json describes the canonical model itself, in whatever version. */
export function hasDescription(raw: RawConfig): boolean {
  const { whittle } = raw;
  return typeof whittle === 'object' && whittle !== null && 'decoder' in whittle;
}

/** The config as it was before its weights were written under names that its family does not have. */
export function sourceConfig(raw: RawConfig): RawConfig {
  const source = hasDescription(raw) ? (raw.whittle as RawConfig).source : undefined;
  if (typeof source !== 'object' || source === null) return raw;
  const { model_type, architectures } = source as RawConfig;
  return { ...raw, model_type, architectures };
}

/** The description in a config.json, each field of the right type. Throws `bad_config`. */
export function readDescription(raw: RawConfig, file: string): DecoderDescription {
  const decoder = (raw.whittle as RawConfig).decoder;
  const version = typeof decoder === 'object' && decoder !== null ? (decoder as RawConfig).version : undefined;
  if (typeof version === 'number' && version !== DESCRIPTION_VERSION) {
    throw new WhittleError({
      code: 'bad_config',
      message: `The model is described in version ${version} of Whittle's format.`,
      place: { file, field: `${DESCRIPTION_FIELD}.version` },
      allowed: `version ${DESCRIPTION_VERSION}`,
      action: 'Open it with the version of Whittle that wrote it, or a later one.',
    });
  }
  return parseConfig(ROOT, raw, file).whittle.decoder;
}
