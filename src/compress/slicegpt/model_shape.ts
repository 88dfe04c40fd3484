/** @file The sizes of a dense model that the plan needs. */
import {
  linearWeights,
  type ModelOutline,
  normWeights,
  storedWeights,
  type WeightOutline,
  xieluWeights,
} from '../../models/decoder_model.ts';
import { storedBytes, storedElements } from '../../models/model_size.ts';
import { mostAhead } from '../../runtime/budgets.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import { elementCount } from '../../tensor/shape.ts';
import { isCentred } from './fuse.ts';
import { emptyParts, type ModelShape, type PartSizes } from './parts.ts';
import { slicingRefusal } from './permits.ts';

/** Bytes of the stored weights of the largest layer that are on the host at once. */
export function storedLayerBytes({ layers }: ModelOutline): number {
  const bytes = layers.map(({ attention, mlp, attn_shortcut_Q, mlp_shortcut_Q }) => {
    const linears = [attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj];
    const all = [...linears, mlp.gate_proj, mlp.up_proj, mlp.down_proj].flatMap(linearWeights);
    const sizes = [...all, attn_shortcut_Q, mlp_shortcut_Q].map((ref) => (ref ? storedBytes(ref) : 0));
    return mostAhead(
      sizes.reduce((sum, size) => sum + size, 0),
      Math.max(...sizes),
    );
  });
  return Math.max(...bytes);
}

/**
 * Sliced weights are stored with two bytes an element for a model in F16, BF16 or a smaller type, four for F32 (the type
 * that holds most of the bytes decides).
 */
export function modelShape(model: ModelOutline): ModelShape {
  const { config, layers, embed_tokens, lm_head, norm } = model;
  const [{ attention, mlp, parallel = false, input_layernorm }] = layers;
  const elements = (...refs: (WeightOutline | undefined)[]) =>
    refs.reduce((sum, ref) => sum + (ref ? elementCount(ref.shape) : 0), 0);
  const refusal = slicingRefusal(model);
  return {
    hidden_size: config.hidden_size,
    intermediate_size: config.intermediate_size,
    num_hidden_layers: config.num_hidden_layers,
    query_size: config.num_attention_heads * config.head_dim,
    key_value_size: config.num_key_value_heads * config.head_dim,
    head_dim: config.head_dim,
    vocab_size: config.vocab_size,
    tied: lm_head.weight === embed_tokens.weight,
    parallel,
    gated: mlp.gate_proj !== undefined,
    ...(mlp.xielu && { activation_parameters: xieluWeights(mlp.xielu).filter((ref) => ref !== undefined).length }),
    attention_bias: {
      q: attention.q_proj.bias !== undefined,
      k: attention.k_proj.bias !== undefined,
      v: attention.v_proj.bias !== undefined,
      o: attention.o_proj.bias !== undefined,
    },
    mlp_bias: {
      gate: mlp.gate_proj?.bias !== undefined,
      up: mlp.up_proj.bias !== undefined,
      down: mlp.down_proj.bias !== undefined,
    },
    layer_norm: isCentred(model),
    norm_bias: input_layernorm?.bias !== undefined,
    final_norm: { weight: norm.weight !== undefined, bias: norm.bias !== undefined },
    head_bias: lm_head.bias !== undefined,
    position_rows: embed_tokens.positions?.weight.shape[0] ?? 0,
    embedding_norm: elements(...normWeights(embed_tokens.norm)),
    head_norms: elements(...normWeights(attention.q_norm), ...normWeights(attention.k_norm)),
    bytes_per_element: mainElementBytes(model),
    branch_tensors: branchTensors(model),
    dense: partSizes(model),
    dense_bytes: partSizes(model, storedBytes),
    ...(refusal && { slicing_refusal: refusal.reason }),
  };
}

/** A branch is added as it is computed, unless it is normed first, or multiplied by a number. */
function branchTensors({ layers }: ModelOutline): number {
  if (layers.some((layer) => layer.attention_output_norm ?? layer.mlp_output_norm)) return 2;
  return layers.some(({ residual_multiplier = 1 }) => residual_multiplier !== 1) ? 1 : 0;
}

/**
 * Elements of each part, or what `measure` says of its weights; one with two uses counts where it is used first. Holds for
 * dense and sliced models.
 */
export function partSizes(model: ModelOutline, measure: (ref: WeightOutline) => number = storedElements): PartSizes {
  const counted = new Set<WeightOutline>();
  const count = (refs: (WeightOutline | undefined)[]): number => {
    let sum = 0;
    for (const ref of refs) {
      if (!ref || counted.has(ref)) continue;
      counted.add(ref);
      sum += measure(ref);
    }
    return sum;
  };
  const { embed_tokens, lm_head, norm } = model;
  const parts = emptyParts();
  parts.embedding = count([embed_tokens.weight, embed_tokens.projection, embed_tokens.positions?.weight]);
  parts.norms = count(normWeights(embed_tokens.norm));
  for (const layer of model.layers) {
    const { q_proj, k_proj, v_proj, o_proj, q_norm, k_norm } = layer.attention;
    const { gate_proj, up_proj, down_proj, xielu } = layer.mlp;
    const { input_layernorm, attention_output_norm, post_attention_layernorm, mlp_output_norm } = layer;
    parts.attention += count([q_proj, k_proj, v_proj, o_proj].flatMap(linearWeights));
    parts.mlp += count([...[gate_proj, up_proj, down_proj].flatMap(linearWeights), ...xieluWeights(xielu)]);
    parts.shortcuts += count([layer.attn_shortcut_Q, layer.mlp_shortcut_Q]);
    const norms = [input_layernorm, q_norm, k_norm, attention_output_norm, post_attention_layernorm, mlp_output_norm];
    parts.norms += count(norms.flatMap(normWeights));
  }
  parts.norms += count(normWeights(norm));
  parts.head = count([lm_head.projection, lm_head.weight, lm_head.bias]);
  return parts;
}

/** Bytes of the type that most of a model's weights are stored in, as floats: what its sliced weights are stored in too. */
export function mainElementBytes(model: ModelOutline): 2 | 4 {
  const bytes = { 2: 0, 4: 0 };
  for (const { dtype, shape, stored } of storedWeights(model)) {
    const elements = elementCount(shape);
    const size = (stored ? stored.bytes / elements : bytesPerElement(dtype)) <= 2 ? 2 : 4;
    bytes[size] += elements * size;
  }
  return bytes[2] >= bytes[4] ? 2 : 4;
}
