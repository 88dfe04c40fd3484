/** @file The loss on windows that are not trained on, with adapters or as stored. */
import type { Backend } from '../../backend/backend.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { AdaptedLoader, noWeight } from '../../runtime/backward/adapters.ts';
import { type BackwardContext, Rotations } from '../../runtime/backward/context.ts';
import { Gradients } from '../../runtime/backward/gradients.ts';
import { type ModelLoss, modelLoss } from '../../runtime/backward/loss.ts';
import type { GradientOptions } from '../../runtime/backward/model.ts';
import { stepWindows } from '../../runtime/backward/training.ts';
import { rowsPerBatch, type TokenWindows, type WindowBatch } from '../../runtime/windows.ts';

import type { Trainable } from './linears.ts';

/** What a training lowers. */
export interface Objective {
  /** "forward KL to the dense model". */
  readonly label: string;
  /** For some windows in batches; its tensors are the arena's. */
  of(
    arena: Arena,
    chosen: readonly number[],
    batches: readonly WindowBatch[],
  ): Promise<Pick<GradientOptions, 'teacher' | 'targets'>>;
}

/** Batches that go through the model together. */
const TOGETHER = 4;

/** Means over the windows `chosen`. */
export async function lossOn(
  backend: Backend,
  model: DecoderModel,
  { adapters, whole, columns }: Trainable,
  windows: TokenWindows,
  chosen: readonly number[],
  objective: Objective,
  signal: AbortSignal,
): Promise<ModelLoss> {
  const most = TOGETHER * Math.max(1, Math.floor(rowsPerBatch(backend.info) / windows.seqlen));
  const sums = { loss: 0, text_loss: 0 };
  for (let first = 0; first < chosen.length; first += most) {
    const group = chosen.slice(first, first + most);
    const found = await withArena(backend, async (arena) => {
      const context: BackwardContext = {
        ...{ arena, adapters, gradients: new Gradients(arena, noWeight) },
        rotations: new Rotations(arena, windows.seqlen),
      };
      const step = stepWindows(arena, windows, group);
      const goal = await objective.of(arena, group, step.batches);
      const loader = new AdaptedLoader(arena, adapters, whole, columns);
      return modelLoss(context, loader, model, step.windows, step.batches, { ...goal, signal });
    });
    sums.loss += (group.length / chosen.length) * found.loss;
    sums.text_loss += (group.length / chosen.length) * found.text_loss;
  }
  return sums;
}
