/** @file Metadata of a model in the keys of llama.cpp. Source: the GGUF specification and llama.cpp's converter. */
import type { ValueToWrite } from '../../formats/gguf/write.ts';
import type { CardLicence } from '../../formats/hf/licence_files.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { contextLength } from './differences.ts';
import { globalInterval, orderOf, windowsOf } from './layer_facts.ts';
import type { Expressed } from './refusal.ts';
import type { RopeFacts } from './rope.ts';

export type Metadata = Map<string, ValueToWrite>;

export const ALIGNMENT = 32;
/** Of ggml's block types, as files have it since 2023. */
const QUANTIZATION_VERSION = 2;

export const uint32 = (value: number): ValueToWrite => ({ type: 'uint32', value });
export const float32 = (value: number): ValueToWrite => ({ type: 'float32', value });
export const string = (value: string): ValueToWrite => ({ type: 'string', value });
export const bool = (value: boolean): ValueToWrite => ({ type: 'bool', value });

/** `llama_ftype` of files whose types were mixed by a rule, as llama-quantize names them. */
const MIXED_TYPES: Readonly<Record<string, number>> = {
  q3_k_s: 11,
  q3_k_m: 12,
  q3_k_l: 13,
  q4_k_s: 14,
  q4_k_m: 15,
  q5_k_s: 16,
  q5_k_m: 17,
};

/** `llama_ftype`: what most weights are stored in. */
const FILE_TYPES: Readonly<Record<string, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q8_0: 7,
  Q5_0: 8,
  Q5_1: 9,
  Q2_K: 10,
  Q3_K: 12,
  Q4_K: 15,
  Q5_K: 17,
  Q6_K: 18,
  IQ4_NL: 25,
  IQ4_XS: 30,
  BF16: 32,
  TQ1_0: 36,
  TQ2_0: 37,
  MXFP4: 38,
  NVFP4: 39,
  Q1_0: 40,
  Q2_0: 41,
};

/** @param file_type The tensor type of most bytes, or the name of the rule by which types were mixed. */
export function generalMetadata(architecture: string, name: string, file_type: string): Metadata {
  return new Map([
    ['general.architecture', string(architecture)],
    ['general.type', string('model')],
    ['general.name', string(name)],
    ['general.alignment', uint32(ALIGNMENT)],
    ['general.quantization_version', uint32(QUANTIZATION_VERSION)],
    ['general.file_type', uint32(MIXED_TYPES[file_type] ?? FILE_TYPES[file_type.toUpperCase()])],
  ]);
}

/** What the source says of its licence, in GGUF's keys. */
export function licenceMetadata({ license, license_name, license_link }: CardLicence = {}): Metadata {
  const keys = {
    'general.license': license,
    'general.license.name': license_name,
    'general.license.link': license_link,
  };
  const found = Object.entries(keys).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, string(value)] as const],
  );
  return new Map(found);
}

/** Everything that llama.cpp's graph asks for. */
export function modelMetadata(model: DecoderModel, { graph, rope, local }: Expressed): Metadata {
  const { config, embed_tokens, lm_head, norm, layers } = model;
  const [{ attention, mlp, residual_multiplier = 1 }] = layers;
  const { architecture } = graph;
  const metadata: Metadata = new Map();
  const add = (key: string, value: ValueToWrite) => metadata.set(`${architecture}.${key}`, value);
  add('vocab_size', uint32(config.vocab_size));
  add('context_length', uint32(contextLength(model, graph)));
  add('embedding_length', uint32(config.hidden_size));
  add('block_count', uint32(layers.length));
  add('feed_forward_length', uint32(mlp.up_proj.weight.shape[0]));
  add('attention.head_count', uint32(attention.num_attention_heads));
  add('attention.head_count_kv', uint32(attention.num_key_value_heads));
  add('attention.key_length', uint32(attention.head_dim));
  add('attention.value_length', uint32(attention.head_dim));
  add(`attention.layer_norm_${norm.kind === 'rms_norm' ? 'rms_' : ''}epsilon`, float32(norm.eps));
  if (graph.scale === 'free') add('attention.scale', float32(attention.scale));
  if (attention.soft_cap !== undefined) add('attn_logit_softcapping', float32(attention.soft_cap));
  if (lm_head.soft_cap !== undefined) add('final_logit_softcapping', float32(lm_head.soft_cap));
  if (graph.embedding_scale === 'free') add('embedding_scale', float32(embed_tokens.scale ?? 1));
  if (graph.multipliers) {
    add('residual_scale', float32(residual_multiplier));
    // llama.cpp divides by it, as Granite's logits_scaling does.
    add('logit_scale', float32(1 / (lm_head.scale ?? 1)));
  }
  if (graph.orders.length > 1 && graph.orders.includes('sequential')) {
    add('use_parallel_residual', bool(orderOf(layers[0]) !== 'sequential'));
  }
  addWindows(model, add, architecture);
  if (rope) addRope(rope, add);
  if (local) add('rope.freq_base_swa', float32(local.theta));
  return metadata;
}

function addWindows(model: DecoderModel, add: (key: string, value: ValueToWrite) => unknown, architecture: string) {
  const windows = windowsOf(model);
  const window = windows.find((size) => size !== undefined);
  // Phi-3's loader wants the key; 0 stands for none.
  if (window !== undefined || architecture === 'phi3') add('attention.sliding_window', uint32(window ?? 0));
  const interval = architecture === 'gemma3' && window !== undefined ? globalInterval(windows) : undefined;
  if (interval !== undefined) add('attention.sliding_window_pattern', uint32(interval));
}

function addRope(rope: RopeFacts, add: (key: string, value: ValueToWrite) => unknown): void {
  const { dim, theta, scaling, attention_factor, original_context_length } = rope;
  add('rope.dimension_count', uint32(dim));
  add('rope.freq_base', float32(theta));
  if (scaling) {
    add('rope.scaling.type', string(scaling.type));
    add('rope.scaling.factor', float32(scaling.factor));
  }
  if (scaling?.type === 'yarn') {
    if (scaling.beta_fast !== undefined) add('rope.scaling.yarn_beta_fast', float32(scaling.beta_fast));
    if (scaling.beta_slow !== undefined) add('rope.scaling.yarn_beta_slow', float32(scaling.beta_slow));
  }
  if (attention_factor !== undefined) add('rope.scaling.attn_factor', float32(attention_factor));
  if (original_context_length !== undefined) {
    add('rope.scaling.original_context_length', uint32(original_context_length));
  }
}
