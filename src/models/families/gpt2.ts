/** @file GPT-2: LayerNorm, learned positions, one matrix for q, k and v, and every matrix stored transposed (Conv1D). */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig, LayerConfig } from '../architecture.ts';
import { flag, refuseFlags } from '../config_fields.ts';
import { GPT_KEYS, readGptConfig } from './gpt_config.ts';
import { STORED_BUFFERS } from './layer_norm_family.ts';

const SCALES = v.object({ scale_attn_weights: flag(true), scale_attn_by_inverse_layer_idx: flag() });

export const gpt2: Architecture = {
  family: 'GPT-2',
  model_types: ['gpt2'],
  weights: {
    prefixes: ['transformer.', ''],
    embed_tokens: 'wte',
    positions: 'wpe',
    layers: 'h.',
    layer: {
      input_layernorm: 'ln_1',
      qkv: { qkv_proj: 'attn.c_attn', order: 'rows' },
      o_proj: 'attn.c_proj',
      post_attention_layernorm: 'ln_2',
      gate_up: { up_proj: 'mlp.c_fc' },
      down_proj: 'mlp.c_proj',
    },
    norm: 'ln_f',
    lm_head: ['lm_head'],
    transposed: true,
  },
  ignored: [STORED_BUFFERS],
  config_keys: {
    read: [...GPT_KEYS, 'add_cross_attention', 'scale_attn_weights', 'scale_attn_by_inverse_layer_idx'],
    idle: ['reorder_and_upcast_attn'],
  },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  refuseFlags(raw, file, { add_cross_attention: 'this is a decoder that reads an encoder' });
  const scales = parseConfig(SCALES, raw, file);
  const config = readGptConfig(raw, file, {
    class_name: 'GPT2LMHeadModel',
    n_positions: 1024,
    tie_word_embeddings: true,
    attention_bias: true,
  });
  const scale = scales.scale_attn_weights ? config.attention.scale : 1;
  return {
    ...config,
    attention: { ...config.attention, scale },
    layers: Array.from(
      { length: config.num_hidden_layers },
      (_, index): LayerConfig =>
        scales.scale_attn_by_inverse_layer_idx ? { attention_scale: scale / (index + 1) } : {},
    ),
    embedding: { positions: { offset: 0, rows: config.max_position_embeddings } },
  };
}
