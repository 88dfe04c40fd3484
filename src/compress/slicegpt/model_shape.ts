/** @file The sizes of a dense model that the plan needs. */
import { type DecoderModel, storedWeights, type WeightRef } from '../../models/decoder_model.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { ModelShape, PartSizes } from './plan.ts';

/**
 * Sliced weights are stored like the dense ones: two bytes an element for a model in F16 or BF16, four for F32 (the
 * type that holds most of the bytes decides).
 */
export function modelShape(model: DecoderModel): ModelShape {
  const { config, layers, embed_tokens, lm_head } = model;
  const { attention, mlp } = layers[0];
  return {
    hidden_size: config.hidden_size,
    intermediate_size: config.intermediate_size,
    num_hidden_layers: config.num_hidden_layers,
    query_size: config.num_attention_heads * config.head_dim,
    key_value_size: config.num_key_value_heads * config.head_dim,
    vocab_size: config.vocab_size,
    tied: lm_head.weight === embed_tokens.weight,
    attention_bias: {
      q: attention.q_proj.bias !== undefined,
      k: attention.k_proj.bias !== undefined,
      v: attention.v_proj.bias !== undefined,
      o: attention.o_proj.bias !== undefined,
    },
    mlp_bias: {
      gate: mlp.gate_proj.bias !== undefined,
      up: mlp.up_proj.bias !== undefined,
      down: mlp.down_proj.bias !== undefined,
    },
    bytes_per_element: mainElementBytes(model),
    dense: partSizes(model),
  };
}

/** Elements of each part; a weight with two uses counts where it is used first. Holds for dense and sliced models. */
export function partSizes(model: DecoderModel): PartSizes {
  const counted = new Set<WeightRef>();
  const count = (...refs: (WeightRef | undefined)[]): number => {
    let elements = 0;
    for (const ref of refs) {
      if (!ref || counted.has(ref)) continue;
      counted.add(ref);
      elements += elementCount(ref.shape);
    }
    return elements;
  };
  const { embed_tokens, lm_head, norm } = model;
  const parts: PartSizes = { embedding: 0, attention: 0, mlp: 0, shortcuts: 0, norms: 0, head: 0 };
  parts.embedding = count(embed_tokens.weight, embed_tokens.projection);
  for (const layer of model.layers) {
    const { q_proj, k_proj, v_proj, o_proj } = layer.attention;
    const { gate_proj, up_proj, down_proj } = layer.mlp;
    for (const { weight, bias } of [q_proj, k_proj, v_proj, o_proj]) parts.attention += count(weight, bias);
    for (const { weight, bias } of [gate_proj, up_proj, down_proj]) parts.mlp += count(weight, bias);
    parts.shortcuts += count(layer.attn_shortcut_Q, layer.mlp_shortcut_Q);
    parts.norms += count(layer.input_layernorm.weight, layer.post_attention_layernorm.weight);
  }
  parts.norms += count(norm.weight);
  parts.head = count(lm_head.projection, lm_head.weight);
  return parts;
}

/** Bytes of the type that most of a model's weights are stored in: what its sliced weights are stored in too. */
export function mainElementBytes(model: DecoderModel): number {
  const bytes = { 2: 0, 4: 0 };
  for (const { dtype, shape } of storedWeights(model)) {
    const size = bytesPerElement(dtype) === 2 ? 2 : 4;
    bytes[size] += elementCount(shape) * size;
  }
  return bytes[2] >= bytes[4] ? 2 : 4;
}
