/** @file A linear whose whole weight is trained, rounded before it multiplies where it says how. */
import type { Tensor } from '../../backend/backend.ts';
import type { Arena } from '../arena.ts';
import { type Rounding, rounded, straightThrough } from './rounding.ts';

export interface TrainedWeight {
  readonly kind: 'whole';
  /** (out, in): before rounding. */
  readonly weight: Tensor;
  readonly grad_weight: Tensor;
  readonly rounding?: Rounding;
}

export function trainedWeight(arena: Arena, weight: Tensor, rounding?: Rounding): TrainedWeight {
  const grad_weight = arena.empty(weight.shape, `grad ${weight.label}`);
  return { kind: 'whole', weight, grad_weight, ...(rounding && { rounding }) };
}

/** What multiplies: a tensor of the arena's, for whoever frees it. */
export function loadWhole(arena: Arena, { weight, rounding }: TrainedWeight): Tensor {
  if (rounding) return rounded(arena, rounding, weight);
  const copy = arena.empty(weight.shape, weight.label);
  arena.backend.copy(weight, copy);
  return copy;
}

/** Of y = x·Wᵀ: grad_weight += dyᵀ·x, where the rounding lets it through. */
export function wholeBackward(arena: Arena, trained: TrainedWeight, x: Tensor, dy: Tensor): void {
  const { weight, grad_weight, rounding } = trained;
  const { backend } = arena;
  if (rounding?.kind !== 'grid') {
    backend.matmul_at({ a: dy, b: x, output: grad_weight, accumulate: true });
    return;
  }
  const product = arena.workspace('trained_product', weight.shape);
  backend.matmul_at({ a: dy, b: x, output: product });
  straightThrough(arena, rounding, weight, product);
  backend.add({ a: grad_weight, b: product, output: grad_weight });
}
