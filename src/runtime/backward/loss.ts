/** @file The loss that a training lowers, without its gradient: what held-out windows are measured by. */
import type { DecoderModel } from '../../models/decoder_model.ts';
import { headInputs, lossesOfState } from '../head.ts';
import { runLayers } from '../model_pass.ts';
import type { WeightLoader } from '../weights.ts';
import type { TokenWindows, WindowBatch } from '../windows.ts';
import type { BackwardContext } from './context.ts';
import { batchState, stagesOf, throughBlocks, totalLoss } from './head.ts';
import { type GradientOptions, meanTargets } from './model.ts';

export interface ModelLoss {
  /** What is trained: nats a token, to the teacher where there is one, else of the text. */
  loss: number;
  /** −log p of the text's own tokens, nats; the same as `loss` without a teacher. */
  text_loss: number;
}

/**
 * @param context Its arena holds everything that this allocates: one of its own, that is disposed afterwards.
 * @throws `cancelled`, and what the backend throws.
 */
export async function modelLoss(
  context: BackwardContext,
  loader: WeightLoader,
  model: DecoderModel,
  windows: TokenWindows,
  batches: readonly WindowBatch[],
  { teacher, targets = meanTargets(windows, batches), signal }: GradientOptions = {},
): Promise<ModelLoss> {
  const { arena } = context;
  const { lm_head: head } = model;
  const hidden = await runLayers(arena, loader, model, windows, batches, {}, signal);
  const inputs = await headInputs(arena, loader, model, hidden);
  const states = inputs.map((input, i) => batchState(context, input, targets[i], teacher !== undefined));
  const stages = stagesOf(context, head, teacher, false);
  await throughBlocks(context, loader, head, states, stages, teacher, signal);
  const loss = await totalLoss(context, states, targets);
  let text_loss = 0;
  for (const [i, { state }] of states.entries()) {
    const losses = lossesOfState(await arena.backend.read(state));
    const { weights } = targets[i];
    for (let row = 0; row < weights.length; row++) if (weights[row] !== 0) text_loss += weights[row] * losses[row];
  }
  return { loss, text_loss };
}
