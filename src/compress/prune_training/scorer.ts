/** @file What tells, step by step of a training, which units of a model are worth least. */
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { BackwardContext } from '../../runtime/backward/context.ts';
import type { GradientOptions } from '../../runtime/backward/model.ts';
import type { WeightLoader } from '../../runtime/weights.ts';
import type { TokenWindows, WindowBatch } from '../../runtime/windows.ts';
import type { HalfName } from '../layerwise/half.ts';
import { unitCount } from '../width/shapes.ts';

/** Of each unit, by half; each layer's in order. */
export type UnitScores = ReadonlyMap<HalfName, readonly Float64Array[]>;

export interface StepWindows {
  readonly windows: TokenWindows;
  readonly batches: readonly WindowBatch[];
}

export interface Scorer {
  /**
   * Adds the gradients of one step, and takes from them what it needs.
   * @param loader Gives the weights as they are in this step: adapters merged, what is gone zero.
   * @returns The loss.
   */
  gradients(
    backward: BackwardContext,
    loader: WeightLoader,
    step: StepWindows,
    options: GradientOptions,
  ): Promise<number>;
  /** Of all steps so far: the higher, the more a unit is worth. */
  scores(): UnitScores;
  /** What was gathered in all steps so far, so that a training that was broken off goes on with it: halves in order, layer by layer. */
  state(): readonly Float64Array[];
  restore(state: readonly Float64Array[]): void;
}

/** Of figures that are kept in place. */
export function stateOf(figures: UnitScores): Pick<Scorer, 'state' | 'restore'> {
  const tables = [...figures.values()].flat();
  return {
    state: () => tables,
    restore(state) {
      for (const [i, table] of tables.entries()) table.set(state[i]);
    },
  };
}

/** Zeros for each unit. */
export function unitZeros(model: DecoderModel, halves: readonly HalfName[]): Map<HalfName, Float64Array[]> {
  const zeros = (half: HalfName) =>
    model.layers.map((layer) => new Float64Array(unitCount(layer, half, ({ shape }) => shape[1])));
  return new Map(halves.map((half) => [half, zeros(half)]));
}
