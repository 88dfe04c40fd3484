/**
 * @file An MLP backwards, beside the forward pass that keeps what it needs:
 * input = norm₂(h); activated = act(input·W_gateᵀ) ⊙ (input·W_upᵀ), or act(input·W_upᵀ).
 */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderLayer } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import { applyLinear } from '../layer_products.ts';
import type { DeviceMlp } from '../weights.ts';
import { normedInput } from './attention.ts';
import type { BackwardContext } from './context.ts';
import { linearBackward } from './parts.ts';

export interface KeptMlp {
  /** norm₂(h), or h. */
  input: Tensor;
  gate?: Tensor;
  up: Tensor;
  activated: Tensor;
}

/** @param h (rows, d), left as it is. */
export function mlpForward(
  { arena }: BackwardContext,
  layer: DecoderLayer,
  weights: DeviceMlp,
  seqlen: number,
  h: Tensor,
): KeptMlp {
  const input = normedInput(arena, weights.post_attention_layernorm, h, 'kept_mlp_input');
  const read = { states: input, seqlen };
  const gate = weights.gate_proj && applyLinear(arena, weights.gate_proj, read, 'kept_gate');
  const up = applyLinear(arena, weights.up_proj, read, 'kept_up');
  return { input, gate, up, activated: activated(arena, layer, weights, gate, up) };
}

/** act(gate) ⊙ up, or act(up), in a workspace tensor. */
export function activated(
  arena: Arena,
  { mlp: { activation } }: DecoderLayer,
  { xielu }: DeviceMlp,
  gate: Tensor | undefined,
  up: Tensor,
): Tensor {
  const { backend } = arena;
  const output = arena.workspace('kept_activated', up.shape);
  if (activation === 'xielu') {
    if (!xielu) throw new RangeError('xIELU without its parameters');
    backend.xielu({ hidden_states: up, ...xielu, output });
  } else if (gate) backend.glu({ activation, gate, up, output });
  else backend.activation({ activation, hidden_states: up, output });
  return output;
}

/** @param d_activated Gradient by `activated`. @returns The gradient by `input`, in a workspace tensor. */
export function mlpBackward(
  context: BackwardContext,
  { mlp: spec }: DecoderLayer,
  weights: DeviceMlp,
  seqlen: number,
  { input, gate, up }: KeptMlp,
  d_activated: Tensor,
): Tensor {
  const { arena } = context;
  const { backend } = arena;
  const { activation } = spec;
  const d_up = arena.workspace('grad_up', up.shape);
  const output = arena.workspace('grad_mlp_input', input.shape);
  let accumulate = false;
  if (activation === 'xielu') {
    if (!weights.xielu) throw new RangeError('xIELU without its parameters');
    backend.xielu_backward({ hidden_states: up, ...weights.xielu, grad_output: d_activated, grad_input: d_up });
  } else if (gate && spec.gate_proj && weights.gate_proj) {
    const d_gate = arena.workspace('grad_gate', gate.shape);
    backend.glu_backward({ activation, gate, up, grad_output: d_activated, grad_gate: d_gate, grad_up: d_up });
    linearBackward(context, spec.gate_proj, weights.gate_proj, input, d_gate, seqlen, { output });
    accumulate = true;
  } else {
    backend.activation_backward({ activation, hidden_states: up, grad_output: d_activated, grad_input: d_up });
  }
  linearBackward(context, spec.up_proj, weights.up_proj, input, d_up, seqlen, { output, accumulate });
  return output;
}
