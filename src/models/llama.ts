/**
 * @file The Llama family: RMSNorm, rotary over the whole head, grouped-query attention, SwiGLU, optional biases. Keys and
 * defaults as in transformers' LlamaConfig.
 */
import * as v from 'valibot';
import { WhittleError } from '../errors/errors.ts';
import { bad, describeValue, parseConfig, type RawConfig } from '../formats/hf/config.ts';
import type { Architecture, DecoderConfig } from './architecture.ts';

const size = (most = 2 ** 31 - 1) =>
  v.pipe(
    v.number('a whole number, at least 1'),
    v.integer('a whole number, at least 1'),
    v.minValue(1, 'a whole number, at least 1'),
    v.maxValue(most, `at most ${most}`),
  );
const flag = () => v.optional(v.boolean('true or false'), false);
const positive = (fallback: number) =>
  v.nullish(
    v.pipe(v.number('a positive number'), v.finite('a positive number'), v.gtValue(0, 'a positive number')),
    fallback,
  );

const SCHEMA = v.object({
  model_type: v.string(),
  architectures: v.nullish(v.array(v.string('names of classes'))),
  hidden_size: size(),
  intermediate_size: size(),
  num_hidden_layers: size(10_000),
  num_attention_heads: size(),
  num_key_value_heads: v.nullish(size()),
  head_dim: v.nullish(size()),
  vocab_size: size(),
  max_position_embeddings: v.optional(size(), 2048),
  hidden_act: v.optional(v.string('the name of an activation'), 'silu'),
  rms_norm_eps: positive(1e-6),
  tie_word_embeddings: flag(),
  attention_bias: flag(),
  mlp_bias: flag(),
});

const ROPE_SCHEMA = v.object({ rope_theta: positive(10_000) });

export const llama: Architecture = {
  model_types: ['llama'],
  norm: 'rms_norm',
  weights: {
    embed_tokens: 'model.embed_tokens',
    layers: 'model.layers.',
    layer: {
      input_layernorm: 'input_layernorm',
      q_proj: 'self_attn.q_proj',
      k_proj: 'self_attn.k_proj',
      v_proj: 'self_attn.v_proj',
      o_proj: 'self_attn.o_proj',
      post_attention_layernorm: 'post_attention_layernorm',
      gate_proj: 'mlp.gate_proj',
      up_proj: 'mlp.up_proj',
      down_proj: 'mlp.down_proj',
    },
    norm: 'model.norm',
    lm_head: 'lm_head',
  },
  ignored: [/\.rotary_emb\.inv_freq$/],
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = parseConfig(SCHEMA, raw, file);
  const { hidden_size, num_attention_heads, attention_bias: bias, mlp_bias } = config;
  if (config.hidden_act !== 'silu') {
    throw unsupported(file, 'hidden_act', `The activation is ${describeValue(config.hidden_act)}.`, 'silu');
  }
  const num_key_value_heads = config.num_key_value_heads ?? num_attention_heads;
  if (num_attention_heads % num_key_value_heads !== 0) {
    const found = `num_attention_heads (${num_attention_heads}) is not a multiple of num_key_value_heads (${num_key_value_heads}).`;
    throw bad(file, found, 'num_key_value_heads');
  }
  if (config.head_dim == null && hidden_size % num_attention_heads !== 0) {
    const found = `hidden_size (${hidden_size}) is not a multiple of num_attention_heads (${num_attention_heads}).`;
    throw bad(file, found, 'num_attention_heads');
  }
  const head_dim = config.head_dim ?? hidden_size / num_attention_heads;
  if (head_dim % 2 !== 0) {
    throw bad(file, `head_dim is ${head_dim}.`, 'head_dim', 'an even number, because rotary turns pairs');
  }
  return {
    model_type: config.model_type,
    architecture: config.architectures?.[0] ?? 'LlamaForCausalLM',
    hidden_size,
    intermediate_size: config.intermediate_size,
    num_hidden_layers: config.num_hidden_layers,
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    vocab_size: config.vocab_size,
    max_position_embeddings: config.max_position_embeddings,
    tie_word_embeddings: config.tie_word_embeddings,
    norm_eps: config.rms_norm_eps,
    rotary: { dim: head_dim, theta: ropeTheta(raw, file) },
    activation: 'silu',
    attention_bias: { q: bias, k: bias, v: bias, o: bias },
    mlp_bias: { gate: mlp_bias, up: mlp_bias, down: mlp_bias },
  };
}

/** transformers 4 writes `rope_theta` and `rope_scaling`; transformers 5 puts both into `rope_parameters`. */
function ropeTheta(raw: RawConfig, file: string): number {
  const own: Record<string, unknown> = {};
  for (const field of ['rope_scaling', 'rope_parameters']) {
    const value = raw[field];
    if (value === null || value === undefined) continue;
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw bad(file, `${field} is ${describeValue(value)}.`, field, 'an object or null');
    }
    const rope = value as Record<string, unknown>;
    const type = rope.rope_type ?? rope.type ?? 'default';
    if (type !== 'default') {
      throw unsupported(
        file,
        field,
        `The rotary embedding is scaled (${describeValue(type)}).`,
        'unscaled rotary ("default")',
      );
    }
    if (rope.partial_rotary_factor !== undefined && rope.partial_rotary_factor !== 1) {
      const found = `Only a part of each head is rotated (${describeValue(rope.partial_rotary_factor)}).`;
      throw unsupported(file, field, found, 'a partial_rotary_factor of 1');
    }
    if (rope.rope_theta !== undefined) own.rope_theta = rope.rope_theta;
  }
  return parseConfig(ROPE_SCHEMA, { rope_theta: raw.rope_theta, ...own }, file).rope_theta;
}

function unsupported(file: string, field: string, message: string, allowed: string): WhittleError {
  return new WhittleError({
    code: 'unknown_architecture',
    message: `${message} Whittle cannot run this variant yet.`,
    place: { file, field },
    allowed,
    action: 'Choose another model of the Llama family.',
  });
}
