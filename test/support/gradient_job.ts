/** @file The gradients of a model's loss on some windows, by the reverse pass. */
import type { Backend } from '../../src/backend/backend.ts';
import type { DecoderModel, WeightRef } from '../../src/models/decoder_model.ts';
import { type Arena, withArena } from '../../src/runtime/arena.ts';
import { type BackwardContext, type KeptBudgets, Rotations } from '../../src/runtime/backward/context.ts';
import { Gradients } from '../../src/runtime/backward/gradients.ts';
import { modelGradients } from '../../src/runtime/backward/model.ts';
import type { TrainedLinears } from '../../src/runtime/backward/trained.ts';
import { NO_ADAPTERS, TrainedLoader } from '../../src/runtime/backward/trained_loader.ts';
import { batchesOf, type TokenWindows } from '../../src/runtime/windows.ts';

export function contextOf(
  arena: Arena,
  seqlen: number,
  wants: (ref: WeightRef) => boolean,
  adapters: TrainedLinears = NO_ADAPTERS,
): BackwardContext {
  return { arena, gradients: new Gradients(arena, wants), adapters, rotations: new Rotations(arena, seqlen) };
}

/** Loss, and the gradient of every weight that is asked for. */
export async function gradientsOf(
  backend: Backend,
  model: DecoderModel,
  windows: TokenWindows,
  refs: readonly WeightRef[],
  rowsPerBatch = Number.POSITIVE_INFINITY,
  budgets?: KeptBudgets,
): Promise<{ loss: number; gradients: Map<WeightRef, Float64Array> }> {
  const wanted = new Set(refs);
  return withArena(backend, async (arena) => {
    const context = { ...contextOf(arena, windows.seqlen, (ref) => wanted.has(ref)), budgets };
    const batches = batchesOf(windows, 0, windows.count, rowsPerBatch);
    const loss = await modelGradients(context, new TrainedLoader(arena, NO_ADAPTERS), model, windows, batches);
    const gradients = new Map<WeightRef, Float64Array>();
    for (const ref of refs) gradients.set(ref, await context.gradients.read(ref));
    return { loss, gradients };
  });
}
