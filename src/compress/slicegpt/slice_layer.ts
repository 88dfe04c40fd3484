/**
 * @file One layer: its rotated weights for running it during calibration, and its sliced weights for keeping. Both
 * schedules share this file; they differ only in when the bases become known.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderLayer, Linear, Norm } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { DeviceAttention, DeviceLinear, DeviceMlp, DeviceNorm } from '../../runtime/weights.ts';
import { type FusedLoader, scaleFree } from './fuse.ts';
import { type Basis, intoBasis, rotateInput, rotateOutput, shortcut } from './rotate.ts';
import type { WeightStore } from './store.ts';

/**
 * The attention half with rotated, sliced inputs and an output still in the original D dimensions
 * (slicegpt.md §4, steps a and b). What was loaded and is replaced is freed.
 */
export function rotateAttentionInputs(
  arena: Arena,
  loaded: DeviceAttention,
  input: Basis,
  original: Basis,
): DeviceAttention {
  const norm = loaded.input_layernorm as DeviceNorm;
  const [q_proj, k_proj, v_proj] = rotateInputs(arena, [loaded.q_proj, loaded.k_proj, loaded.v_proj], norm, input);
  return {
    ...loaded,
    input_layernorm: scaleFree(norm),
    q_proj,
    k_proj,
    v_proj,
    attn_shortcut_Q: shortcut(arena, input, original),
  };
}

/**
 * The MLP half likewise (step e), a weight loaded as the one before is rotated: of a 7 B model all three would take half a gigabyte.
 * Without `original` it gets no shortcut: that of a parallel layer is the attention's.
 */
export async function rotateMlpInputs(
  arena: Arena,
  fused: FusedLoader,
  layer: DecoderLayer,
  middle: Basis,
  original?: Basis,
): Promise<DeviceMlp> {
  const norm = await fused.weights.norm(layer.post_attention_layernorm as Norm);
  const rotated = async (linear: Linear) => rotateReader(arena, await fused.weights.linear(linear), norm, middle);
  const up_proj = await rotated(layer.mlp.up_proj);
  const gate_proj = layer.mlp.gate_proj && (await rotated(layer.mlp.gate_proj));
  arena.free(norm.weight, norm.bias);
  return {
    ...(await fused.mlpOutput(layer)),
    post_attention_layernorm: scaleFree(norm),
    gate_proj,
    up_proj,
    mlp_shortcut_Q: original && shortcut(arena, middle, original),
  };
}

function rotateInputs(arena: Arena, readers: DeviceLinear[], norm: DeviceNorm, basis: Basis): DeviceLinear[] {
  const rotated = readers.map((linear) => rotateReader(arena, linear, norm, basis));
  arena.free(norm.weight, norm.bias);
  return rotated;
}

/** What was loaded is freed. */
function rotateReader(arena: Arena, linear: DeviceLinear, norm: DeviceNorm, basis: Basis): DeviceLinear {
  const rotated = rotateInput(arena, linear, norm, basis);
  arena.free(linear.weight, linear.bias === rotated.bias ? undefined : linear.bias);
  return rotated;
}

export type SlicedAttention = Pick<DecoderLayer, 'input_layernorm' | 'attention' | 'attn_shortcut_Q'>;
export type SlicedMlp = Pick<DecoderLayer, 'post_attention_layernorm' | 'mlp' | 'mlp_shortcut_Q'>;

/**
 * Slices the attention half's output, stores all of it and frees it (steps a and d). `output` is the basis behind the
 * residual addition: the MLP's of a sequential layer, the next layer's of a parallel one.
 */
export async function storeAttention(
  arena: Arena,
  store: WeightStore,
  layer: DecoderLayer,
  rotated: DeviceAttention,
  input: Basis,
  output: Basis,
  isRefitted = false,
): Promise<SlicedAttention> {
  const prefix = `model.layers.${layer.index}`;
  const { attention } = layer;
  const norm = layer.input_layernorm as Norm;
  const o_proj = rotateOutput(arena, rotated.o_proj, output);
  const Q = shortcutBetween(arena, input, output, isRefitted ? rotated.attn_shortcut_Q : undefined);
  const putInput = (name: 'q_proj' | 'k_proj' | 'v_proj') =>
    store.putLinear(rotated[name], `${prefix}.self_attn.${name}`, keptBias(attention[name], norm));
  const stored = {
    q_proj: await putInput('q_proj'),
    k_proj: await putInput('k_proj'),
    v_proj: await putInput('v_proj'),
    o_proj: await store.putLinear(o_proj, `${prefix}.self_attn.o_proj`),
  };
  arena.free(rotated.o_proj.weight, rotated.attn_shortcut_Q, rotated.slopes, ...normTensors(rotated.q_norm));
  arena.free(...normTensors(rotated.k_norm));
  for (const linear of [rotated.q_proj, rotated.k_proj, rotated.v_proj, rotated.o_proj]) arena.free(linear.bias);
  return {
    input_layernorm: scaleFree(norm),
    attention: { ...attention, ...stored },
    attn_shortcut_Q: await store.put(Q, `${prefix}.attn_shortcut_Q`),
  };
}

/** Slices the MLP half's output, stores all of it and frees it (steps e and g). A parallel layer has one shortcut only. */
export async function storeMlp(
  arena: Arena,
  store: WeightStore,
  layer: DecoderLayer,
  rotated: DeviceMlp,
  middle: Basis,
  output: Basis,
  isRefitted = false,
): Promise<SlicedMlp> {
  const prefix = `model.layers.${layer.index}`;
  const { mlp } = layer;
  const norm = layer.post_attention_layernorm as Norm;
  const down_proj = rotateOutput(arena, rotated.down_proj, output);
  const putInput = (name: 'gate_proj' | 'up_proj', linear: DeviceLinear) =>
    store.putLinear(linear, `${prefix}.mlp.${name}`, keptBias(mlp[name] as Linear, norm));
  const stored = {
    gate_proj: rotated.gate_proj && (await putInput('gate_proj', rotated.gate_proj)),
    up_proj: await putInput('up_proj', rotated.up_proj),
    down_proj: await store.putLinear(down_proj, `${prefix}.mlp.down_proj`),
  };
  arena.free(rotated.down_proj.weight);
  for (const linear of [rotated.gate_proj, rotated.up_proj, rotated.down_proj]) arena.free(linear?.bias);
  const sliced = { post_attention_layernorm: scaleFree(norm), mlp: { ...mlp, ...stored } };
  if (layer.parallel) return sliced;
  const Q = shortcutBetween(arena, middle, output, isRefitted ? rotated.mlp_shortcut_Q : undefined);
  arena.free(rotated.mlp_shortcut_Q);
  return { ...sliced, mlp_shortcut_Q: await store.put(Q, `${prefix}.mlp_shortcut_Q`) };
}

/** @param refitted From the input's basis into D dimensions, where it is no longer that basis's own. */
function shortcutBetween(arena: Arena, input: Basis, output: Basis, refitted: Tensor | undefined): Tensor {
  return refitted ? intoBasis(arena, refitted, output, 'shortcut_Q') : shortcut(arena, input, output);
}

/** The stored bias of a linear that rotation leaves as it was: a norm with a bias of its own changes it. */
function keptBias(linear: Linear, norm: Norm) {
  return norm.bias ? undefined : linear.bias;
}

function normTensors(norm: DeviceNorm | undefined): (Tensor | undefined)[] {
  return [norm?.weight, norm?.bias];
}
