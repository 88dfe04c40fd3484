/**
 * @file Training of adapters on all linears of a model: steps over the calibration windows, measured on held-out ones as it goes. The
 * adapters of the best measurement are kept, and the weights stored with them.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import { replaceWeights } from '../../models/map_weights.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { type Adapter, NO_ADAPTERS } from '../../runtime/backward/adapters.ts';
import { AdapterTraining, stepWindows } from '../../runtime/backward/training.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { CompressedModel, CompressionContext } from '../method.ts';
import { storedType } from '../slicegpt/store.ts';
import { lossOn, type Objective } from './held_out.ts';
import { isTrained, linearPlaces, seededAdapters } from './linears.ts';
import { notesOf } from './notes.ts';
import type { TrainingOptions } from './options.ts';
import type { TrainingPoint, TrainingReport } from './report.ts';
import { heldOut, learningRate, windowsOfStep } from './schedule.ts';
import { storeTrained } from './store_trained.ts';

const ADAMW = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0, clip_norm: 1 };

/** Measurements of a training, the first and the last besides. */
const POINTS = 10;
/** So many measurements in a row, each worse than the best by the share, end it. */
const PATIENCE = { points: 3, share: 0.02 };

/** Shares of the progress bar: what the objective prepares, the steps, storing. */
export const PREPARING = 0.1;
const STORING = 0.05;

export async function trained(
  model: DecoderModel,
  options: TrainingOptions,
  context: CompressionContext,
  objective: Objective,
): Promise<CompressedModel> {
  return withArena(context.backend, async (arena) => {
    const adapters = await seededAdapters(arena, model, options);
    return new Training(arena, model, adapters, options, context, objective).run();
  });
}

/** @throws `text_too_short` where no window could be held out. */
export function assertWindows(count: number): void {
  if (count >= 2) return;
  throw new WhittleError({
    code: 'text_too_short',
    message: `The calibration text is cut into ${count} window, and training needs one to learn from and one that it is measured on.`,
    place: { field: 'samples' },
    allowed: 'at least 2 calibration windows; 64 and more train well',
    action: 'Ask for more windows (--samples), of a longer text where this one has no more.',
  });
}

class Training {
  private readonly curve: TrainingPoint[] = [];
  private readonly trainCount: number;
  private readonly heldWindows: number[];
  private best?: { step: number; loss: number; values: (Float32Array | Float64Array)[] };

  constructor(
    private readonly arena: Arena,
    private readonly model: DecoderModel,
    private readonly adapters: ReadonlyMap<WeightRef, Adapter>,
    private readonly options: TrainingOptions,
    private readonly context: CompressionContext,
    private readonly objective: Objective,
  ) {
    const { count } = context.calibration;
    this.trainCount = count - heldOut(count);
    this.heldWindows = Array.from({ length: count - this.trainCount }, (_, i) => this.trainCount + i);
  }

  async run(): Promise<CompressedModel> {
    const { arena, model, options, context } = this;
    const { calibration } = context;
    const { steps, batch, seed } = options;
    const begun = performance.now();
    const training = new AdapterTraining(arena, model, this.adapters, calibration.seqlen, ADAMW);
    const every = Math.max(1, Math.floor(steps / POINTS));
    await this.measure(0, []);
    let losses: number[] = [];
    let step = 0;
    while (step < steps && !this.isLost) {
      const chosen = windowsOfStep(step, batch, this.trainCount, seed);
      losses.push(await this.step(training, step, chosen));
      step++;
      if (step % every !== 0 && step !== steps) continue;
      await this.measure(step, losses);
      losses = [];
    }
    const seconds = (performance.now() - begun) / 1000;
    return this.finish(step, (step * batch * calibration.seqlen) / seconds);
  }

  private async step(training: AdapterTraining, step: number, chosen: readonly number[]): Promise<number> {
    const { options, context, objective } = this;
    const { calibration, signal, spill } = context;
    return withArena(context.backend, async (own) => {
      const { windows, batches } = stepWindows(own, calibration, chosen);
      const goal = await objective.of(own, chosen, batches);
      const onProgress = (fraction: number) => this.tell(step, fraction);
      return training.step(windows, batches, learningRate(step, options), {
        ...{ ...goal, signal, onProgress },
        ...(spill && { spill }),
      });
    });
  }

  /** Of the adapters as they are; the best are remembered. */
  private async measure(step: number, losses: readonly number[]): Promise<void> {
    const { context, objective, heldWindows, adapters } = this;
    const { backend, calibration, signal, observer } = context;
    const found = await lossOn(backend, this.model, adapters, calibration, heldWindows, objective, signal);
    const point: TrainingPoint = {
      step,
      ...(losses.length > 0 && { training_loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length }),
      held_out_loss: found.loss,
      held_out_perplexity: Math.exp(found.text_loss),
    };
    this.curve.push(point);
    observer.onTraining?.(point);
    if (this.best && !(found.loss < this.best.loss)) return;
    const values = await Promise.all(this.tensors.map((tensor) => backend.read(tensor)));
    this.best = { step, loss: found.loss, values };
  }

  private get tensors() {
    return [...this.adapters.values()].flatMap(({ A, B }) => [A, B]);
  }

  private get isLost(): boolean {
    const { points, share } = PATIENCE;
    const bound = (1 + share) * (this.best?.loss ?? Number.POSITIVE_INFINITY);
    const last = this.curve.slice(-points);
    return last.length === points && last.every(({ held_out_loss }) => held_out_loss > bound);
  }

  private tell(step: number, share: number): void {
    const { options, context } = this;
    const { batch } = options;
    const { calibration, observer } = context;
    observer.onProgress({
      fraction: PREPARING + (1 - PREPARING - STORING) * ((step + share) / options.steps),
      step: `training, step ${step + 1} of ${options.steps}`,
      tokens: (step + share) * batch * calibration.seqlen,
    });
  }

  private async finish(taken: number, tokens_per_second: number): Promise<CompressedModel> {
    const { arena, model, options, context, objective, adapters, heldWindows, curve, best } = this;
    const { backend, calibration, scratch, signal } = context;
    if (!best) throw new RangeError('nothing was measured');
    for (const [i, tensor] of this.tensors.entries()) {
      const values = arena.own(backend.fromArray(best.values[i], tensor.shape, tensor.label));
      backend.copy(values, tensor);
      arena.free(values);
    }
    const stored = await storeTrained(arena, adapters, scratch, storedType(model));
    const made = replaceWeights(model, stored);
    const after = await lossOn(backend, made, NO_ADAPTERS, calibration, heldWindows, objective, signal);
    const isPacked = [...adapters.keys()].some(({ packed }) => packed?.kind === 'grouped');
    // Numbers that snap back to their grid may be worse than those that came in: then nothing is changed.
    const isKept = !isPacked || after.loss < curve[0].held_out_loss;
    const report: TrainingReport = {
      objective: objective.label,
      windows: { training: this.trainCount, held_out: heldWindows.length, seqlen: calibration.seqlen },
      trained_parameters: this.tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
      steps: options.steps,
      best_step: best.step,
      curve,
      ...(isKept && { stored_held_out_loss: after.loss }),
      tokens_per_second,
      notes: notesOf({
        ...{ curve, taken, steps: options.steps, best: best.step, stored: after.loss, isPacked, isKept },
        frozen: linearPlaces(model).filter(({ weight }) => !isTrained(weight)),
      }),
    };
    if (isKept) return { model: made, sites: [], training: report };
    const floats = new Map([...stored].filter(([ref]) => !ref.packed));
    return { model: replaceWeights(model, await untouched(floats)), sites: [], training: report };

    /** Floats beside packed weights, as they came in but in the planned type. */
    async function untouched(those: ReadonlyMap<WeightRef, WeightRef>): Promise<Map<WeightRef, WeightRef>> {
      const none = new Map([...adapters].filter(([ref]) => those.has(ref)).map(([ref, each]) => [ref, each] as const));
      for (const { B } of none.values()) backend.scale({ hidden_states: B, factor: 0 });
      return storeTrained(arena, none, scratch, storedType(model));
    }
  }
}
