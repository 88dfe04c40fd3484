/** @file Fields and checks that configs of many families share. Names and defaults as in transformers. */
import * as v from 'valibot';
import { WhittleError } from '../errors/errors.ts';
import { bad, describeValue, type RawConfig } from '../formats/hf/config.ts';
import type { Activation, ModelConfig } from './decoder_model.ts';

/** Tables are made of so many heads, and of heads so wide, before any weight is looked at. */
const MAX_HEADS = 65_536;

/** A whole number from 1. */
export const size = (most = 2 ** 31 - 1) =>
  v.pipe(
    v.number('a whole number, at least 1'),
    v.integer('a whole number, at least 1'),
    v.minValue(1, 'a whole number, at least 1'),
    v.maxValue(most, `at most ${most}`),
  );

/** A whole number from 0. */
export const count = () =>
  v.pipe(
    v.number('a whole number, at least 0'),
    v.integer('a whole number, at least 0'),
    v.minValue(0, 'a whole number, at least 0'),
  );

export const flag = (fallback = false) => v.nullish(v.boolean('true or false'), fallback);

export const positiveNumber = () =>
  v.pipe(v.number('a positive number'), v.finite('a positive number'), v.gtValue(0, 'a positive number'));

/** A positive number, or `fallback` where the key is missing or null. */
export const positive = (fallback: number) => v.nullish(positiveNumber(), fallback);

/** What every family with the usual key names has. */
export const DECODER_FIELDS = {
  model_type: v.string(),
  architectures: v.nullish(v.array(v.string('names of classes'))),
  hidden_size: size(),
  intermediate_size: size(),
  num_hidden_layers: size(10_000),
  num_attention_heads: size(),
  num_key_value_heads: v.nullish(size()),
  head_dim: v.nullish(size()),
  vocab_size: size(),
  max_position_embeddings: v.nullish(size(), 2048),
};

export type DecoderFields = v.InferOutput<v.ObjectSchema<typeof DECODER_FIELDS, undefined>>;

/** Checks that heads divide, and fills in what follows from other sizes. Throws `bad_config`. */
export function modelConfig(
  fields: DecoderFields & { tie_word_embeddings: boolean },
  default_class: string,
  file: string,
): ModelConfig {
  const { hidden_size, num_attention_heads } = fields;
  const num_key_value_heads = fields.num_key_value_heads ?? num_attention_heads;
  if (num_attention_heads % num_key_value_heads !== 0) {
    const found = `num_attention_heads (${num_attention_heads}) is not a multiple of num_key_value_heads (${num_key_value_heads}).`;
    throw bad(file, found, 'num_key_value_heads', `a divisor of num_attention_heads (${num_attention_heads})`);
  }
  if (fields.head_dim == null && hidden_size % num_attention_heads !== 0) {
    const found = `hidden_size (${hidden_size}) is not a multiple of num_attention_heads (${num_attention_heads}).`;
    throw bad(file, found, 'num_attention_heads', `a divisor of hidden_size (${hidden_size}), or a head_dim beside it`);
  }
  const head_dim = fields.head_dim ?? hidden_size / num_attention_heads;
  for (const [field, found] of Object.entries({ num_attention_heads, head_dim })) {
    if (found > MAX_HEADS) throw bad(file, `${field} is ${found}.`, field, `at most ${MAX_HEADS}`);
  }
  return {
    model_type: fields.model_type,
    architecture: fields.architectures?.[0] ?? default_class,
    hidden_size,
    intermediate_size: fields.intermediate_size,
    num_hidden_layers: fields.num_hidden_layers,
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    vocab_size: fields.vocab_size,
    max_position_embeddings: fields.max_position_embeddings,
    tie_word_embeddings: fields.tie_word_embeddings,
  };
}

/** transformers' names of the activations that Whittle runs. */
const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ['silu', 'silu'],
  ['swish', 'silu'],
  ['relu', 'relu'],
  ['relu2', 'relu2'],
  ['xielu', 'xielu'],
  ['gelu', 'gelu'],
  ['gelu_python', 'gelu'],
  ['gelu_new', 'gelu_tanh'],
  ['gelu_pytorch_tanh', 'gelu_tanh'],
  ['gelu_fast', 'gelu_tanh'],
  ['gelu_accurate', 'gelu_tanh'],
  ['gelu_python_tanh', 'gelu_tanh'],
]);

/** Throws `unknown_architecture` for an activation that Whittle does not run. */
export function activationOf(name: string, field: string, file: string): Activation {
  const activation = ACTIVATIONS.get(name);
  if (activation) return activation;
  throw refused(file, field, `The activation is ${describeValue(name)}.`, [...ACTIVATIONS.keys()].join(', '));
}

/** One entry a layer, as `layer_types` and `no_rope_layers` have. Throws `bad_config` for a list that is too short. */
export function perLayer<T>(list: readonly T[], layers: number, field: string, file: string): readonly T[] {
  if (list.length >= layers) return list.slice(0, layers);
  const found = `${field} has ${list.length} entries, but there are ${layers} layers.`;
  throw bad(file, found, field, `an entry for each of ${layers} layers`);
}

/** Which layers have a sliding window, by `layer_types`. */
export const layerTypes = () =>
  v.nullish(
    v.array(
      v.picklist(['full_attention', 'sliding_attention'], 'full_attention or sliding_attention for every layer'),
      'a list of full_attention and sliding_attention',
    ),
  );

/** A variant that a known family can have and Whittle cannot run. */
export function refused(file: string, field: string, message: string, allowed: string): WhittleError {
  return new WhittleError({
    code: 'unknown_architecture',
    message: `${message} Whittle cannot run this variant yet.`,
    place: { file, field },
    allowed,
    action: `If the model does not need ${field}, correct config.json; else choose another model of the family.`,
  });
}

/** Throws `unknown_architecture` where a flag is on that changes the model into one that Whittle cannot run. */
export function refuseFlags(raw: RawConfig, file: string, flags: Readonly<Record<string, string>>): void {
  for (const [field, reason] of Object.entries(flags)) {
    if (raw[field]) throw refused(file, field, `${field} is ${describeValue(raw[field])}: ${reason}.`, 'false');
  }
}
