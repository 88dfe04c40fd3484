/**
 * @file Command `recipe_time`: how long a recipe will take on this device, from a few seconds of it on the first layer alone.
 * Passes over layers take as much for each of them; what is left of a trial that is broken off follows from its progress.
 */
import type { PassContext } from '../../compress/method.ts';
import { type Pass, passesOf } from '../../compress/recipe/passes.ts';
import { makeRecipe } from '../../compress/recipe/recipe.ts';
import { toErrorData } from '../../errors/errors.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import { compressionContext } from '../measure_commands.ts';
import { refusalOf } from '../passes.ts';
import type { EnginePlatform } from '../platform.ts';
import { memoryReport, ProgressMeter } from '../progress.ts';
import type { Commands } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import { firstLayers } from './trial.ts';

/** Whoever waits for a time does not wait long. */
const PATIENCE_MS = 3000;
/** Less progress than this tells nothing of the rest. */
const LEAST_FRACTION = 0.02;

/** Seconds; null where one layer alone cannot be tried, or says too little. Throws `cancelled`. */
export async function recipeTimeCommand(
  state: EngineState,
  platform: EnginePlatform,
  { steps }: Commands['recipe_time']['request'],
  signal: AbortSignal,
): Promise<number | null> {
  const { model: dense } = state.requireModel().open;
  const first = firstLayers(dense, 1);
  const scratch = await platform.createScratch();
  const ends = performance.now() + PATIENCE_MS;
  let seconds = 0;
  let model = first;
  try {
    for (const pass of passesOf(makeRecipe(steps).steps)) {
      if (refusalOf(pass, model) !== undefined) return null;
      const tried = await tryPass(state, platform, pass, model, first, scratch, ends, signal);
      if (!tried) return null;
      seconds += tried.seconds * dense.layers.length;
      // What follows a pass that was broken off is not tried: it is taken to be as long.
      if (!tried.model) return seconds;
      model = tried.model;
    }
    return seconds;
  } finally {
    await scratch.clear();
  }
}

interface Tried {
  seconds: number;
  /** Absent where it was broken off. */
  model?: DecoderModel;
}

async function tryPass(
  state: EngineState,
  platform: EnginePlatform,
  { method, step, before, after }: Pass,
  model: DecoderModel,
  dense: DecoderModel,
  scratch: ScratchStore,
  ends: number,
  signal: AbortSignal,
): Promise<Tried | null> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const begun = performance.now();
  let fraction = 0;
  const meter = new ProgressMeter(
    () => {},
    'compression',
    () => memoryReport(state),
  );
  const shared = compressionContext(state, platform, scratch, 'dense', meter, () => {}, both);
  const context: PassContext = {
    ...{ ...shared, dense, before, after, importance: state.importance?.values },
    observer: {
      onProgress(progress) {
        fraction = progress.fraction;
        if (performance.now() > ends && fraction >= LEAST_FRACTION) stop.abort();
      },
    },
  };
  // Progress may be too rare to stop by.
  const timer = setTimeout(() => stop.abort(), 2 * PATIENCE_MS);
  const elapsed = () => (performance.now() - begun) / 1000;
  try {
    const made = await method.run?.(model, step.options as never, context);
    return made ? { seconds: elapsed(), model: made.model } : null;
  } catch (thrown) {
    signal.throwIfAborted();
    // What one layer does not permit, the whole model may.
    if (!stop.signal.aborted && toErrorData(thrown).code !== 'cancelled') return null;
    return fraction >= LEAST_FRACTION ? { seconds: elapsed() / fraction } : null;
  } finally {
    clearTimeout(timer);
  }
}
