/**
 * @file One decoder layer backwards: it runs forward from its input, keeping what arises, then back. The forward's lines
 * stand beside their mirrors.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderLayer } from '../../models/decoder_model.ts';
import type { RotaryTable } from '../forward.ts';
import { addBranch } from '../layer_products.ts';
import type { DeviceLayer } from '../weights.ts';
import { attentionBackward, attentionForward, type KeptAttention } from './attention.ts';
import type { BackwardContext } from './context.ts';
import { type KeptMlp, mlpBackward, mlpForward } from './mlp.ts';
import { type Branch, branchBackward, inputNormBackward, residualBackward } from './parts.ts';

/** What arises in a layer, in workspace tensors: the next forward pass through a layer of these shapes overwrites it. */
export interface KeptLayer {
  readonly attention: KeptAttention;
  readonly mlp: KeptMlp;
  /** h of a sequential layer. */
  readonly middle?: Tensor;
}

/** @param x (batch·seqlen, d_in), left as it is. */
export function layerForward(
  context: BackwardContext,
  layer: DecoderLayer,
  weights: DeviceLayer,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
): KeptLayer {
  const attention = attentionForward(context, layer, weights.attention, rotary, seqlen, x);
  if (layer.parallel) return { attention, mlp: mlpForward(context, layer, weights.mlp, seqlen, x) };
  const h = middle(context, weights, seqlen, x, attention.mixed);
  return { attention, mlp: mlpForward(context, layer, weights.mlp, seqlen, h), middle: h };
}

/** What the layer puts out, (batch·seqlen, d_out), owned by the arena. */
export function layerOutput(
  { arena }: BackwardContext,
  { attention, mlp }: DeviceLayer,
  kept: KeptLayer,
  seqlen: number,
  x: Tensor,
): Tensor {
  const { backend } = arena;
  // Of a parallel layer the shortcut is the attention's, and takes x.
  const [shortcut, states] = kept.middle ? [mlp.mlp_shortcut_Q, kept.middle] : [attention.attn_shortcut_Q, x];
  const y = arena.empty([x.shape[0], shortcut ? shortcut.shape[1] : states.shape[1]], 'layer_output');
  if (shortcut) backend.matmul({ a: states, b: shortcut, output: y });
  else backend.copy(states, y);
  if (!kept.middle) addBranch(arena, attention.o_proj, attention, kept.attention.mixed, y, 'attention_output', seqlen);
  addBranch(arena, mlp.down_proj, mlp, kept.mlp.activated, y, 'mlp_output', seqlen);
  return y;
}

/**
 * Adds the gradients of a layer's trained parts for one batch.
 * @param x (batch·seqlen, d_in), the layer's input, left as it is.
 * @param dy Gradient by the layer's output; it is used up: freed, or the result lies in it.
 * @param kept Of the forward pass, where it was run already.
 * @returns The gradient by x, owned by the arena.
 */
export function layerBackward(
  context: BackwardContext,
  layer: DecoderLayer,
  weights: DeviceLayer,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
  dy: Tensor,
  kept: KeptLayer = layerForward(context, layer, weights, rotary, seqlen, x),
): Tensor {
  return kept.middle
    ? sequentialBackward(context, layer, weights, rotary, seqlen, x, dy, { ...kept, middle: kept.middle })
    : parallelBackward(context, layer, weights, rotary, seqlen, x, dy, kept);
}

function sequentialBackward(
  context: BackwardContext,
  layer: DecoderLayer,
  weights: DeviceLayer,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
  dy: Tensor,
  { attention: keptAttention, mlp: keptMlp, middle: h }: Required<KeptLayer>,
): Tensor {
  const { arena } = context;
  const { attention, mlp } = weights;
  // y = h·mlp_shortcut_Q + m·mlp(norm₂(h))
  const d_activated = branchBackward(context, mlpEnd(layer, weights), keptMlp.activated, dy, seqlen, 'grad_activated');
  const d_mlp_input = mlpBackward(context, layer, mlp, seqlen, keptMlp, d_activated);
  const dh = residualBackward(context, layer.mlp_shortcut_Q, mlp.mlp_shortcut_Q, h, dy);
  inputNormBackward(context, layer.post_attention_layernorm, mlp.post_attention_layernorm, h, d_mlp_input, dh);

  // h = x·attn_shortcut_Q + m·attn(norm₁(x))
  const d_mixed = branchBackward(context, attentionEnd(layer, weights), keptAttention.mixed, dh, seqlen, 'grad_mixed');
  const d_input = attentionBackward(context, layer, attention, rotary, seqlen, keptAttention, d_mixed);
  const dx = residualBackward(context, layer.attn_shortcut_Q, attention.attn_shortcut_Q, x, dh);
  inputNormBackward(context, layer.input_layernorm, attention.input_layernorm, x, d_input, dx);
  arena.backend.flush();
  return dx;
}

/** y = x·attn_shortcut_Q + m·(attn(norm₁(x)) + mlp(norm₂(x))) */
function parallelBackward(
  context: BackwardContext,
  layer: DecoderLayer,
  weights: DeviceLayer,
  rotary: RotaryTable | undefined,
  seqlen: number,
  x: Tensor,
  dy: Tensor,
  { attention: keptAttention, mlp: keptMlp }: KeptLayer,
): Tensor {
  const { attention, mlp } = weights;
  const d_activated = branchBackward(context, mlpEnd(layer, weights), keptMlp.activated, dy, seqlen, 'grad_activated');
  const d_mlp_input = mlpBackward(context, layer, mlp, seqlen, keptMlp, d_activated);
  const d_mixed = branchBackward(context, attentionEnd(layer, weights), keptAttention.mixed, dy, seqlen, 'grad_mixed');
  const d_input = attentionBackward(context, layer, attention, rotary, seqlen, keptAttention, d_mixed);
  // Only now: both branches read dy, and the sum may be made in it.
  const dx = residualBackward(context, layer.attn_shortcut_Q, attention.attn_shortcut_Q, x, dy);
  inputNormBackward(context, layer.post_attention_layernorm, mlp.post_attention_layernorm, x, d_mlp_input, dx);
  inputNormBackward(context, layer.input_layernorm, attention.input_layernorm, x, d_input, dx);
  context.arena.backend.flush();
  return dx;
}

/** h of a sequential layer, in a workspace tensor. */
function middle(context: BackwardContext, weights: DeviceLayer, seqlen: number, x: Tensor, mixed: Tensor): Tensor {
  const { arena } = context;
  const { attention } = weights;
  const { attn_shortcut_Q: shortcut } = attention;
  const h = arena.workspace('kept_middle', [x.shape[0], shortcut ? shortcut.shape[1] : x.shape[1]]);
  if (shortcut) arena.backend.matmul({ a: x, b: shortcut, output: h });
  else arena.backend.copy(x, h);
  addBranch(arena, attention.o_proj, attention, mixed, h, 'attention_output', seqlen);
  return h;
}

function attentionEnd(layer: DecoderLayer, { attention }: DeviceLayer): Branch {
  return {
    ...{ linear: layer.attention.o_proj, weights: attention.o_proj, factor: layer.residual_multiplier },
    ...{ norm: layer.attention_output_norm, deviceNorm: attention.output_norm },
  };
}

function mlpEnd(layer: DecoderLayer, { mlp }: DeviceLayer): Branch {
  return {
    ...{ linear: layer.mlp.down_proj, weights: mlp.down_proj, factor: layer.residual_multiplier },
    ...{ norm: layer.mlp_output_norm, deviceNorm: mlp.output_norm },
  };
}
