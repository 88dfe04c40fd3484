/** @file What stands in the place of a linear's weight while it is trained: one row a kind in each of these functions. */
import type { Tensor } from '../../backend/backend.ts';
import type { Linear, WeightRef } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import { deviceInput } from '../quantized_input.ts';
import type { DeviceLinear } from '../weights.ts';
import { type Adapter, adapterBackward, mergeAdapter } from './adapters.ts';
import { rounded } from './rounding.ts';
import { loadScaled, scalesBackward, type TrainedScales } from './scales.ts';
import { loadWhole, type TrainedWeight, wholeBackward } from './trained_weight.ts';

export type TrainedLinear = Adapter | TrainedScales | TrainedWeight;

/** By the weight of their linear. */
export type TrainedLinears = ReadonlyMap<WeightRef, TrainedLinear>;

/** What steps change, with its gradient, which is added to. */
export interface TrainedParameter {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
}

/** Always in the same order. */
export function parametersOf(trained: TrainedLinear): TrainedParameter[] {
  switch (trained.kind) {
    case 'low_rank': {
      const { A, B, grad_A, grad_B } = trained;
      return [
        { parameter: A, gradient: grad_A },
        { parameter: B, gradient: grad_B },
      ];
    }
    case 'scales': {
      const { scales, grad_scales, minimums, grad_minimums } = trained;
      const more = minimums && grad_minimums ? [{ parameter: minimums, gradient: grad_minimums }] : [];
      return [{ parameter: scales, gradient: grad_scales }, ...more];
    }
    case 'whole':
      return [{ parameter: trained.weight, gradient: trained.grad_weight }];
  }
}

/** Whether the stored weight itself is read as a layer is loaded. */
export function readsStored({ kind }: TrainedLinear): boolean {
  return kind === 'low_rank';
}

/**
 * What a linear multiplies by now, and what its gradient needs besides; both are the arena's.
 * @param load Of the linear as it is stored.
 */
export async function loadTrained(
  arena: Arena,
  trained: TrainedLinear,
  { weight: { shape }, bias, input }: Linear,
  load: { linear(): Promise<DeviceLinear>; bias(ref: WeightRef): Promise<Tensor> },
): Promise<DeviceLinear> {
  if (trained.kind === 'low_rank') {
    const loaded = await load.linear();
    mergeAdapter(arena, trained, loaded.weight);
    if (!trained.rounding) return loaded;
    return { ...loaded, weight: rounded(arena, trained.rounding, loaded.weight), kept: loaded.weight };
  }
  const own = trained.kind === 'scales' ? await loadScaled(arena, trained) : { weight: loadWhole(arena, trained) };
  return {
    ...own,
    ...(bias && { bias: await load.bias(bias) }),
    ...(input && { input: deviceInput(arena, input, shape[1]) }),
  };
}

/** Adds the gradients of y = x·Wᵀ. @param kept As {@link loadTrained} gave it. */
export function trainedBackward(
  arena: Arena,
  trained: TrainedLinear,
  x: Tensor,
  dy: Tensor,
  kept: Tensor | undefined,
): void {
  if (trained.kind === 'low_rank') adapterBackward(arena, trained, x, dy, kept);
  else if (trained.kind === 'whole') wholeBackward(arena, trained, x, dy);
  else if (kept) scalesBackward(arena, trained, x, dy, kept);
}
