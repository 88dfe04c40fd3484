/** @file What a dense model's head reads of some windows: the teacher of a distillation. */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../arena.ts';
import { headInputs } from '../head.ts';
import { runLayers } from '../model_pass.ts';
import { WeightLoader } from '../weights.ts';
import type { TokenWindows, WindowBatch } from '../windows.ts';

/** norm(h)·projection of each batch, (rows, d), owned by the arena. */
export async function teacherInputs(
  arena: Arena,
  model: DecoderModel,
  windows: TokenWindows,
  batches: readonly WindowBatch[],
  signal?: AbortSignal,
): Promise<Tensor[]> {
  const loader = new WeightLoader(arena, false, true);
  const hidden = await runLayers(arena, loader, model, windows, batches, {}, signal);
  return headInputs(arena, loader, model, hidden);
}
