/**
 * @file One layer: its rotated weights for running it during calibration, and its sliced weights for keeping. Both
 * schedules share this file; they differ only in when the bases become known.
 */
import type { DecoderLayer } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { DeviceAttention, DeviceMlp } from '../../runtime/weights.ts';
import { scaleFree } from './fuse.ts';
import { type Basis, rotateInput, rotateOutput, shortcut } from './rotate.ts';
import type { WeightStore } from './store.ts';

/**
 * The attention half with rotated, sliced inputs and an output still in the original D dimensions
 * (slicegpt.md §4, steps a and b). The loaded q, k and v weights and the norm weight are freed.
 */
export function rotateAttentionInputs(
  arena: Arena,
  loaded: DeviceAttention,
  input: Basis,
  original: Basis,
): DeviceAttention {
  const { eps, normalized_size, weight: norm_weight } = loaded.input_layernorm;
  const rotated: DeviceAttention = {
    input_layernorm: { eps, normalized_size },
    q_proj: rotateInput(arena, loaded.q_proj, norm_weight, input),
    k_proj: rotateInput(arena, loaded.k_proj, norm_weight, input),
    v_proj: rotateInput(arena, loaded.v_proj, norm_weight, input),
    o_proj: loaded.o_proj,
    attn_shortcut_Q: shortcut(arena, input, original),
  };
  arena.free(loaded.q_proj.weight, loaded.k_proj.weight, loaded.v_proj.weight, norm_weight);
  return rotated;
}

/** The MLP half likewise (step e). */
export function rotateMlpInputs(arena: Arena, loaded: DeviceMlp, middle: Basis, original: Basis): DeviceMlp {
  const { eps, normalized_size, weight: norm_weight } = loaded.post_attention_layernorm;
  const rotated: DeviceMlp = {
    post_attention_layernorm: { eps, normalized_size },
    gate_proj: rotateInput(arena, loaded.gate_proj, norm_weight, middle),
    up_proj: rotateInput(arena, loaded.up_proj, norm_weight, middle),
    down_proj: loaded.down_proj,
    mlp_shortcut_Q: shortcut(arena, middle, original),
  };
  arena.free(loaded.gate_proj.weight, loaded.up_proj.weight, norm_weight);
  return rotated;
}

export type SlicedAttention = Pick<DecoderLayer, 'input_layernorm' | 'attention' | 'attn_shortcut_Q'>;
export type SlicedMlp = Pick<DecoderLayer, 'post_attention_layernorm' | 'mlp' | 'mlp_shortcut_Q'>;

/** Slices the attention half's output, stores all of it and frees it (steps a and d). */
export async function storeAttention(
  arena: Arena,
  store: WeightStore,
  layer: DecoderLayer,
  rotated: DeviceAttention,
  input: Basis,
  middle: Basis,
): Promise<SlicedAttention> {
  const prefix = `model.layers.${layer.index}`;
  const { attention } = layer;
  const o_proj = rotateOutput(arena, rotated.o_proj, middle);
  const Q = shortcut(arena, input, middle);
  const stored = {
    q_proj: await store.putLinear(rotated.q_proj, `${prefix}.self_attn.q_proj`, attention.q_proj.bias),
    k_proj: await store.putLinear(rotated.k_proj, `${prefix}.self_attn.k_proj`, attention.k_proj.bias),
    v_proj: await store.putLinear(rotated.v_proj, `${prefix}.self_attn.v_proj`, attention.v_proj.bias),
    o_proj: await store.putLinear(o_proj, `${prefix}.self_attn.o_proj`),
  };
  arena.free(rotated.o_proj.weight, rotated.attn_shortcut_Q);
  for (const linear of [rotated.q_proj, rotated.k_proj, rotated.v_proj, rotated.o_proj]) arena.free(linear.bias);
  return {
    input_layernorm: scaleFree(layer.input_layernorm),
    attention: { ...attention, ...stored },
    attn_shortcut_Q: await store.put(Q, `${prefix}.attn_shortcut_Q`),
  };
}

/** Slices the MLP half's output, stores all of it and frees it (steps e and g). */
export async function storeMlp(
  arena: Arena,
  store: WeightStore,
  layer: DecoderLayer,
  rotated: DeviceMlp,
  middle: Basis,
  output: Basis,
): Promise<SlicedMlp> {
  const prefix = `model.layers.${layer.index}`;
  const { mlp } = layer;
  const down_proj = rotateOutput(arena, rotated.down_proj, output);
  const Q = shortcut(arena, middle, output);
  const stored = {
    gate_proj: await store.putLinear(rotated.gate_proj, `${prefix}.mlp.gate_proj`, mlp.gate_proj.bias),
    up_proj: await store.putLinear(rotated.up_proj, `${prefix}.mlp.up_proj`, mlp.up_proj.bias),
    down_proj: await store.putLinear(down_proj, `${prefix}.mlp.down_proj`),
  };
  arena.free(rotated.down_proj.weight, rotated.mlp_shortcut_Q);
  for (const linear of [rotated.gate_proj, rotated.up_proj, rotated.down_proj]) arena.free(linear.bias);
  return {
    post_attention_layernorm: scaleFree(layer.post_attention_layernorm),
    mlp: { ...mlp, ...stored },
    mlp_shortcut_Q: await store.put(Q, `${prefix}.mlp_shortcut_Q`),
  };
}
