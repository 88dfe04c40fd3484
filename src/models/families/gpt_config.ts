/** @file Config keys that GPT-2 and GPT-J share. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { DecoderConfig } from '../architecture.ts';
import { flag, modelConfig, positive, size } from '../config_fields.ts';
import { DECODER_KEYS, without } from '../config_keys/keys.ts';
import { activationName, layerNormConfig, respelled } from './layer_norm_family.ts';

const SCHEMA = {
  model_type: v.string(),
  architectures: v.nullish(v.array(v.string('names of classes'))),
  n_embd: size(),
  n_layer: size(10_000),
  n_head: size(),
  n_inner: v.nullish(size()),
  vocab_size: size(),
  activation_function: activationName('gelu_new'),
  layer_norm_epsilon: positive(1e-5),
};

/** Of GPT-2's and GPT-J's; each size has two names. */
export const GPT_KEYS: readonly string[] = [
  ...without(DECODER_KEYS, 'intermediate_size', 'num_key_value_heads', 'head_dim'),
  'n_embd',
  'n_layer',
  'n_head',
  'n_inner',
  'n_positions',
  'activation_function',
  'layer_norm_epsilon',
];

export interface GptDefaults {
  readonly class_name: string;
  readonly n_positions: number;
  readonly tie_word_embeddings: boolean;
  readonly attention_bias: boolean;
}

/** Everything but the layers. */
export function readGptConfig(raw: RawConfig, file: string, defaults: GptDefaults): Omit<DecoderConfig, 'layers'> {
  const names = {
    n_embd: 'hidden_size',
    n_layer: 'num_hidden_layers',
    n_head: 'num_attention_heads',
    n_positions: 'max_position_embeddings',
  };
  const config = parseConfig(
    v.object({
      ...SCHEMA,
      n_positions: v.nullish(size(), defaults.n_positions),
      tie_word_embeddings: flag(defaults.tie_word_embeddings),
    }),
    respelled(raw, names, file),
    file,
  );
  const model = modelConfig(
    {
      ...config,
      hidden_size: config.n_embd,
      intermediate_size: config.n_inner ?? 4 * config.n_embd,
      num_hidden_layers: config.n_layer,
      num_attention_heads: config.n_head,
      num_key_value_heads: undefined,
      head_dim: undefined,
      max_position_embeddings: config.n_positions,
    },
    defaults.class_name,
    file,
  );
  const { attention_bias } = defaults;
  return layerNormConfig(
    model,
    {
      eps: config.layer_norm_epsilon,
      activation: { name: config.activation_function, field: 'activation_function' },
      bias: { qkv: attention_bias, o: attention_bias, mlp: true },
    },
    file,
  );
}
