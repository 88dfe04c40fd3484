/** @file CPU twin of `glu_backward`: grad_up = dy ⊙ act(gate), grad_gate = dy ⊙ up ⊙ act′(gate). */
import type { ActivationName } from '../backend.ts';
import { checkGluBackward } from '../shapes.ts';
import type { GluBackwardArgs } from '../training_kernels.ts';
import { ACTIVATION_SLOPES } from './activation_slopes.ts';
import { ACTIVATIONS } from './activations.ts';
import { type Floats, floats } from './tensor.ts';

export interface GluBackwardElements {
  activation: ActivationName;
  gate: Floats;
  up: Floats;
  grad_output: Floats;
  grad_gate: Floats;
  grad_up: Floats;
}

export function glu_backward(args: GluBackwardArgs): void {
  const { elements, ...task } = gluBackwardElements(args);
  gluBackwardRange(task, 0, elements);
}

/** The kernel as work on elements. */
export function gluBackwardElements(args: GluBackwardArgs): GluBackwardElements & { elements: number } {
  const { elements } = checkGluBackward(args);
  return {
    ...{ elements, activation: args.activation, gate: floats(args.gate), up: floats(args.up) },
    grad_output: floats(args.grad_output),
    ...{ grad_gate: floats(args.grad_gate), grad_up: floats(args.grad_up) },
  };
}

export function gluBackwardRange(task: GluBackwardElements, start: number, end: number): void {
  const { gate, up, grad_output, grad_gate, grad_up } = task;
  const [act, slope] = [ACTIVATIONS[task.activation], ACTIVATION_SLOPES[task.activation]];
  for (let i = start; i < end; i++) {
    grad_up[i] = grad_output[i] * act(gate[i]);
    grad_gate[i] = grad_output[i] * up[i] * slope(gate[i]);
  }
}
