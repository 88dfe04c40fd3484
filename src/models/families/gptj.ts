/** @file GPT-J: attention and MLP side by side behind one LayerNorm, rotary on neighbouring pairs of a part of each head. */
import * as v from 'valibot';
import { parseConfig, type RawConfig } from '../../formats/hf/config.ts';
import type { Architecture, DecoderConfig } from '../architecture.ts';
import { size } from '../config_fields.ts';
import { GPT_KEYS, readGptConfig } from './gpt_config.ts';
import { STORED_BUFFERS } from './layer_norm_family.ts';
import { rotaryOf, uniformLayers } from './rms_family.ts';

const ROTARY = v.object({ rotary_dim: v.optional(size(), 64) });

export const gptj: Architecture = {
  family: 'GPT-J',
  model_types: ['gptj'],
  weights: {
    prefixes: ['transformer.', ''],
    embed_tokens: 'wte',
    layers: 'h.',
    layer: {
      input_layernorm: 'ln_1',
      qkv: { q_proj: 'attn.q_proj', k_proj: 'attn.k_proj', v_proj: 'attn.v_proj' },
      o_proj: 'attn.out_proj',
      gate_up: { up_proj: 'mlp.fc_in' },
      down_proj: 'mlp.fc_out',
    },
    norm: 'ln_f',
    lm_head: ['lm_head'],
  },
  ignored: [STORED_BUFFERS],
  config_keys: { read: [...GPT_KEYS, 'rotary_dim'], idle: ['rotary', 'scale_attn_weights'] },
  readConfig,
};

function readConfig(raw: RawConfig, file: string): DecoderConfig {
  const config = readGptConfig(raw, file, {
    class_name: 'GPTJForCausalLM',
    n_positions: 2048,
    tie_word_embeddings: false,
    attention_bias: false,
  });
  // Base and scaling are fixed in its code: no rope_theta, no rope_scaling.
  const { rotary_dim: dim } = parseConfig(ROTARY, raw, file);
  return {
    ...config,
    layers: uniformLayers(config, { rotary: rotaryOf({}, file, config, { dim, interleaved: true }) }),
    parallel: 'one_norm',
    head: { bias: true },
  };
}
