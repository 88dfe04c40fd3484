/** @file Gemma 1 (arXiv 2403.08295): norms that add 1 to their weights, embeddings times √D, heads of 256. */
import type { RawConfig } from '../../formats/hf/config.ts';
import type { Architecture } from '../architecture.ts';
import { refuseFlags } from '../config_fields.ts';
import { RMS_KEYS } from '../config_keys/keys.ts';
import { type FamilyDefaults, type RmsConfig, readRmsConfig, rotaryOf, uniformLayers, withBias } from './rms_family.ts';
import { LLAMA_WEIGHTS, ROTARY_BUFFERS } from './rms_names.ts';

/** `hidden_act` is read by the first generation, `hidden_activation` by the others. */
export const GEMMA_KEYS: readonly string[] = [...RMS_KEYS, 'attention_bias', 'use_bidirectional_attention'];

export const GEMMA_IDLE: readonly string[] = ['mlp_bias', 'hidden_activation'];

/** What all three generations share. */
export function readGemmaConfig(raw: RawConfig, file: string, defaults: Partial<FamilyDefaults>): RmsConfig {
  refuseFlags(raw, file, { use_bidirectional_attention: 'tokens would see what follows them' });
  // Gemma 1 reads hidden_act alone, and its first configs say "gelu" and mean the tanh approximation; the others read
  // hidden_activation alone.
  const isFirst = raw.model_type === 'gemma';
  const named = isFirst ? raw.hidden_act : raw.hidden_activation;
  const hidden_act = isFirst && named === 'gelu' ? 'gelu_pytorch_tanh' : named;
  const config = readRmsConfig({ ...raw, hidden_act }, file, {
    class_name: 'GemmaForCausalLM',
    hidden_act: 'gelu_pytorch_tanh',
    head_dim: 256,
    max_position_embeddings: 8192,
    tie_word_embeddings: true,
    ...defaults,
  });
  return {
    ...withBias(config, { mlp: false }),
    norm: { ...config.norm, weight_offset: 1 },
    embedding: { scale: Math.sqrt(config.hidden_size) },
  };
}

export const gemma: Architecture = {
  family: 'Gemma 1',
  model_types: ['gemma'],
  weights: LLAMA_WEIGHTS,
  ignored: [ROTARY_BUFFERS],
  config_keys: { read: GEMMA_KEYS, idle: GEMMA_IDLE },
  readConfig(raw, file) {
    const config = readGemmaConfig(raw, file, {});
    return { ...config, layers: uniformLayers(config, { rotary: rotaryOf(raw, file, config) }) };
  },
};
