/** @file The loss on windows that are not trained on, with adapters or as stored. */
import type { Backend } from '../../backend/backend.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { type BackwardContext, Rotations } from '../../runtime/backward/context.ts';
import { Gradients } from '../../runtime/backward/gradients.ts';
import { type ModelLoss, modelLoss } from '../../runtime/backward/loss.ts';
import type { GradientOptions } from '../../runtime/backward/model.ts';
import { noWeight, TrainedLoader } from '../../runtime/backward/trained_loader.ts';
import { stepWindows } from '../../runtime/backward/training.ts';
import { rowsPerBatch, type TokenWindows, type WindowBatch, windowsPerBatch } from '../../runtime/windows.ts';

import type { Trainable } from './linears.ts';

/** What a training lowers. */
export interface Objective {
  /** "forward KL to the dense model". */
  readonly label: string;
  /**
   * For some windows in batches; its tensors are the arena's.
   * @param among The windows whose mean is sought, `chosen` and others: weights of targets are shares of that mean.
   */
  of(
    arena: Arena,
    chosen: readonly number[],
    batches: readonly WindowBatch[],
    among: readonly number[],
  ): Promise<Pick<GradientOptions, 'teacher' | 'targets'>>;
  /** Windows that belong together, beside each other: a step takes all of them or none; absent: 1. */
  readonly each?: number;
  /** At most so many (of what belongs together) are held out; absent: 8. */
  readonly most_held_out?: number;
  /** What a step trains on where that is made anew for it, as samples of the student are; absent, or nothing: the chosen windows. */
  practice?(arena: Arena, step: number, chosen: readonly number[], trainable: Trainable): Promise<Practice | undefined>;
  /** Sentences for people that belong into the report. */
  readonly notes?: readonly string[];
}

/** Windows that were made for one step, and what they are to teach. */
export interface Practice extends Pick<GradientOptions, 'teacher' | 'targets'> {
  readonly windows: TokenWindows;
  readonly batches: readonly WindowBatch[];
  /** What the curve shows of the step, where what is lowered is only a way to it; absent: that. */
  readonly shown_loss?: number;
}

/** Batches that go through the model together. */
const TOGETHER = 4;

/** Means over the windows `chosen`. */
export async function lossOn(
  backend: Backend,
  model: DecoderModel,
  { adapters, whole, cacheLevels, columns }: Trainable,
  windows: TokenWindows,
  chosen: readonly number[],
  objective: Objective,
  signal: AbortSignal,
): Promise<ModelLoss> {
  const most = TOGETHER * windowsPerBatch(windows, rowsPerBatch(backend.info));
  const sums = { loss: 0, text_loss: 0 };
  let weight = 0;
  let isWeighed = false;
  for (let first = 0; first < chosen.length; first += most) {
    const group = chosen.slice(first, first + most);
    const found = await withArena(backend, async (arena) => {
      const context: BackwardContext = {
        ...{ arena, adapters, gradients: new Gradients(arena, noWeight) },
        rotations: new Rotations(arena, windows.seqlen),
      };
      const step = stepWindows(arena, windows, group);
      const goal = await objective.of(arena, group, step.batches, chosen);
      const weights = goal.targets?.flatMap((targets) => [...targets.weights]);
      const loader = new TrainedLoader(arena, adapters, whole, cacheLevels, columns);
      const loss = await modelLoss(context, loader, model, step.windows, step.batches, { ...goal, signal });
      return { ...loss, weight: weights?.reduce((sum, each) => sum + each, 0) };
    });
    const share = found.weight === undefined ? group.length / chosen.length : 1;
    sums.loss += share * found.loss;
    sums.text_loss += share * found.text_loss;
    weight += found.weight ?? share;
    isWeighed ||= found.weight !== undefined;
  }
  // Where losses are weighed against each other, the perplexity is of a token all the same.
  return isWeighed ? { ...sums, text_loss: sums.text_loss / weight } : sums;
}
