/** @file What each weight of a model is for, and the same model with other weights: shared weights and norms stay shared. */
import type { DecoderLayer, DecoderModel, Linear, Norm, WeightRef } from '../models/decoder_model.ts';

/**
 * `table`: an embedding alone, (vocabulary, d). `head`: what gives logits, (vocabulary, d), tied to the embedding or not.
 * `linear`: (out, in). `projection`: (in, out), shortcuts included. `positions`: (rows, d). `vector`: norms and biases.
 */
export type WeightRole = 'table' | 'head' | 'linear' | 'projection' | 'positions' | 'vector';

type Visit = <T extends WeightRef | undefined>(ref: T, role: WeightRole) => T;

/** Every distinct weight in model order, with what it is for: a tied table is a head. */
export function weightRoles(model: DecoderModel): Map<WeightRef, WeightRole> {
  const roles = new Map<WeightRef, WeightRole>();
  rebuild(model, (ref, role) => {
    if (ref && (role === 'head' || !roles.has(ref))) roles.set(ref, role);
    return ref;
  });
  return roles;
}

/** The model with each weight replaced; a weight that `replacements` lacks stays. */
export function replaceWeights(model: DecoderModel, replacements: ReadonlyMap<WeightRef, WeightRef>): DecoderModel {
  return rebuild(model, <T extends WeightRef | undefined>(ref: T) => ((ref && replacements.get(ref)) ?? ref) as T);
}

function rebuild(model: DecoderModel, visit: Visit): DecoderModel {
  const norms = new Map<Norm, Norm>();
  const norm = <T extends Norm | undefined>(from: T): T => {
    if (!from) return from;
    const made = norms.get(from) ?? {
      ...from,
      weight: visit(from.weight, 'vector'),
      bias: visit(from.bias, 'vector'),
    };
    norms.set(from, made);
    return made as T;
  };
  const { embed_tokens, lm_head } = model;
  const { positions } = embed_tokens;
  return {
    config: model.config,
    embed_tokens: {
      ...embed_tokens,
      weight: visit(embed_tokens.weight, 'table'),
      norm: norm(embed_tokens.norm),
      projection: visit(embed_tokens.projection, 'projection'),
      positions: positions && { ...positions, weight: visit(positions.weight, 'positions') },
    },
    layers: model.layers.map((layer) => rebuildLayer(layer, visit, norm)),
    norm: norm(model.norm),
    lm_head: {
      ...lm_head,
      projection: visit(lm_head.projection, 'projection'),
      weight: visit(lm_head.weight, 'head'),
      bias: visit(lm_head.bias, 'vector'),
    },
  };
}

function rebuildLayer(
  layer: DecoderLayer,
  visit: Visit,
  norm: <T extends Norm | undefined>(from: T) => T,
): DecoderLayer {
  const { attention, mlp } = layer;
  const linear = (from: Linear): Linear => ({
    weight: visit(from.weight, 'linear'),
    bias: visit(from.bias, 'vector'),
  });
  return {
    ...layer,
    input_layernorm: norm(layer.input_layernorm),
    attention: {
      ...attention,
      q_proj: linear(attention.q_proj),
      k_proj: linear(attention.k_proj),
      v_proj: linear(attention.v_proj),
      q_norm: norm(attention.q_norm),
      k_norm: norm(attention.k_norm),
      o_proj: linear(attention.o_proj),
    },
    attention_output_norm: norm(layer.attention_output_norm),
    attn_shortcut_Q: visit(layer.attn_shortcut_Q, 'projection'),
    post_attention_layernorm: norm(layer.post_attention_layernorm),
    mlp: {
      ...mlp,
      gate_proj: mlp.gate_proj && linear(mlp.gate_proj),
      up_proj: linear(mlp.up_proj),
      down_proj: linear(mlp.down_proj),
    },
    mlp_output_norm: norm(layer.mlp_output_norm),
    mlp_shortcut_Q: visit(layer.mlp_shortcut_Q, 'projection'),
  };
}
