/**
 * @file Training of adapters on all linears of a model: steps over the calibration windows, measured on held-out ones as it goes. The
 * adapters of the best measurement are kept, and the weights stored with them.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { replaceWeights } from '../../models/map_weights.ts';
import { memoryScratch, type ScratchStore } from '../../models/scratch.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { parametersOf } from '../../runtime/backward/trained.ts';
import { NO_ADAPTERS } from '../../runtime/backward/trained_loader.ts';
import { AdapterTraining, fillAll, stepWindows, valuesOf } from '../../runtime/backward/training.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { CompressedModel, PassContext } from '../method.ts';
import { storedType } from '../slicegpt/store.ts';
import { checkpointParts, openCheckpoint, tablesOf } from './checkpoint.ts';
import { lossOn, type Objective, type Practice } from './held_out.ts';
import { KeptTables } from './kept_tables.ts';
import type { Learning } from './learning.ts';
import { linearPlaces, loadWhole, type Trainable, type WholeOptions } from './linears.ts';
import { notesOf } from './notes.ts';
import type { StepOptions } from './options.ts';
import type { TrainingPoint, TrainingReport } from './report.ts';
import { heldOut, learningRate, windowsOfStep } from './schedule.ts';
import { storeTrained } from './store_trained.ts';
import { factsOf, keptAdapter, NOTHING_BETTER, noAdapter } from './trained_adapter.ts';

export const ADAMW = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0, clip_norm: 1 };

const NOTHING: Trainable = { adapters: NO_ADAPTERS, whole: new Map() };

/** Measurements of a training, the first and the last besides. */
const POINTS = 10;
/** So many measurements in a row, each worse than the best by the share, end it. */
const PATIENCE = { points: 3, share: 0.02 };

/** A loss that storing raises by less, as float16 does, is the loss that was measured. */
const ROUNDING = 1e-3;

/** Shares of the progress bar: what the objective prepares, the steps, storing. */
export const PREPARING = 0.1;
const STORING = 0.05;

export async function trained(
  model: DecoderModel,
  options: StepOptions & WholeOptions,
  context: PassContext,
  objective: Objective,
  learning: Learning,
): Promise<CompressedModel> {
  const { spill, backend } = context;
  const store = spill ? await spill.createScratch() : memoryScratch();
  try {
    return await withArena(backend, async (arena) => {
      const adapters = await learning.linears(arena, model);
      const whole = await loadWhole(arena, model, options);
      const { cacheLevels } = learning;
      const trainable = { adapters, whole, ...(cacheLevels !== undefined && { cacheLevels }) };
      return new Training(arena, model, trainable, options, context, objective, learning, store).run();
    });
  } finally {
    await store.clear();
  }
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

/** The same of prompts with answers. */
export function assertExamples(count: number): void {
  if (count >= 2) return;
  throw new WhittleError({
    code: 'text_too_short',
    message: `There is ${count} example, and training needs one to learn from and one that it is measured on.`,
    place: { field: 'data' },
    allowed: 'at least 2 examples; hundreds train well',
    action: 'Add lines to the file.',
  });
}

class Training {
  private curve: TrainingPoint[] = [];
  private readonly trainCount: number;
  private readonly heldWindows: number[];
  private best?: { step: number; loss: number };
  private readonly bestValues: KeptTables;
  private readonly initialValues: KeptTables;

  constructor(
    private readonly arena: Arena,
    private readonly model: DecoderModel,
    private readonly trainable: Trainable,
    private readonly options: StepOptions,
    private readonly context: PassContext,
    private readonly objective: Objective,
    private readonly learning: Learning,
    store: ScratchStore,
  ) {
    this.bestValues = new KeptTables(store);
    this.initialValues = new KeptTables(store);
    const count = Math.floor(context.calibration.count / this.each);
    this.trainCount = count - heldOut(count, objective.most_held_out);
    this.heldWindows = this.windowsOf(Array.from({ length: count - this.trainCount }, (_, i) => this.trainCount + i));
  }

  /** Windows that go together. */
  private get each(): number {
    return this.objective.each ?? 1;
  }

  private windowsOf(chosen: readonly number[]): number[] {
    return chosen.flatMap((index) => Array.from({ length: this.each }, (_, i) => index * this.each + i));
  }

  async run(): Promise<CompressedModel> {
    const { arena, model, options, context } = this;
    const { calibration } = context;
    const { steps, batch, seed } = options;
    const { adapters, whole, cacheLevels } = this.trainable;
    await this.initialValues.put(this.values());
    const training = new AdapterTraining(arena, model, adapters, calibration.seqlen, ADAMW, whole, cacheLevels);
    const every = Math.max(1, Math.floor(steps / POINTS));
    const from = await this.resumed(training);
    if (from === 0) await this.measure(0, []);
    let losses: number[] = [];
    let step = from;
    let milliseconds = 0;
    while (step < steps && !this.isLost) {
      const chosen = this.windowsOf(windowsOfStep(step, batch, this.trainCount, seed));
      const begun = performance.now();
      losses.push(await this.step(training, step, chosen));
      milliseconds += performance.now() - begun;
      step++;
      if (step % every !== 0 && step !== steps) continue;
      await this.measure(step, losses);
      await this.keep(step, training);
      losses = [];
    }
    const tokens = (step - from) * batch * this.each * calibration.seqlen;
    return this.finish(step, tokens === 0 ? 0 : tokens / (milliseconds / 1000));
  }

  /** Goes on where a training that was broken off stood. @returns Steps that were taken before. */
  private async resumed(training: AdapterTraining): Promise<number> {
    const { checkpoint, observer } = this.context;
    const stored = await checkpoint?.read();
    if (!stored) return 0;
    const { step, curve, best, tables } = await openCheckpoint(stored);
    await training.restore(step, tablesOf(tables));
    await this.bestValues.put(tablesOf(best.values));
    this.curve = [...curve];
    this.best = { step: best.step, loss: best.loss };
    for (const point of curve) observer.onTraining?.(point, this.options.steps);
    return step;
  }

  private async keep(step: number, training: AdapterTraining): Promise<void> {
    const { curve, best, context, bestValues } = this;
    if (!context.checkpoint || !best) return;
    const held = { ...best, values: tablesOf(bestValues) };
    await context.checkpoint.write(checkpointParts({ step, curve, best: held, tables: training.state() }));
  }

  private async step(training: AdapterTraining, step: number, chosen: readonly number[]): Promise<number> {
    const { options, context } = this;
    const { signal, spill } = context;
    return withArena(context.backend, async (own) => {
      const { windows, batches, shown_loss, ...goal } = await this.practice(own, step, chosen);
      const onProgress = (fraction: number) => this.tell(step, fraction);
      const loss = await training.step(windows, batches, learningRate(step, options), {
        ...{ ...goal, signal, onProgress },
        ...(spill && { spill }),
      });
      return shown_loss ?? loss;
    });
  }

  private async practice(own: Arena, step: number, chosen: readonly number[]): Promise<Practice> {
    const { objective, context, trainable } = this;
    const made = await objective.practice?.(own, step, chosen, trainable);
    if (made) return made;
    const { windows, batches } = stepWindows(own, context.calibration, chosen);
    return { windows, batches, ...(await objective.of(own, chosen, batches, chosen)) };
  }

  /** Of the adapters as they are; the best are remembered. */
  private async measure(step: number, losses: readonly number[]): Promise<void> {
    const { context, objective, heldWindows, trainable } = this;
    const { backend, calibration, signal, observer } = context;
    const found = await lossOn(backend, this.model, trainable, calibration, heldWindows, objective, signal);
    const point: TrainingPoint = {
      step,
      ...(losses.length > 0 && { training_loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length }),
      held_out_loss: found.loss,
      held_out_perplexity: Math.exp(found.text_loss),
    };
    this.curve.push(point);
    observer.onTraining?.(point, this.options.steps);
    if (this.best && !(found.loss < this.best.loss)) return;
    await this.bestValues.put(this.values());
    this.best = { step, loss: found.loss };
  }

  private values() {
    return valuesOf(this.arena, this.tensors);
  }

  private put(values: KeptTables): Promise<void> {
    return fillAll(this.arena, this.tensors, tablesOf(values));
  }

  private get tensors() {
    const { adapters, whole } = this.trainable;
    return [...[...adapters.values()].flatMap(parametersOf).map(({ parameter }) => parameter), ...whole.values()];
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
      tokens: (step + share) * batch * this.each * calibration.seqlen,
    });
  }

  private async finish(taken: number, tokens_per_second: number): Promise<CompressedModel> {
    const { model, options, context, objective, trainable, heldWindows, curve, best } = this;
    const { adapters } = trainable;
    const { backend, calibration, signal } = context;
    if (!best) throw new RangeError('nothing was measured');
    await this.put(this.bestValues);
    const made = await this.stored();
    const after = await lossOn(
      backend,
      made,
      { ...NOTHING, cacheLevels: trainable.cacheLevels },
      calibration,
      heldWindows,
      objective,
      signal,
    );
    // What snaps back to the grid that it had may be worse than what came in: then nothing is changed.
    const isKept = this.learning.hold !== undefined || after.loss < (1 + ROUNDING) * curve[0].held_out_loss;
    const reason = noAdapter(trainable, this.learning) ?? (isKept && best.step > 0 ? undefined : NOTHING_BETTER);
    const adapter = reason === undefined ? await keptAdapter(this.arena, model, adapters, context.scratch) : undefined;
    const report: TrainingReport = {
      objective: objective.label,
      windows: { training: this.trainCount, held_out: heldWindows.length / this.each, seqlen: calibration.seqlen },
      trained_parameters: this.tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
      steps: options.steps,
      best_step: best.step,
      curve,
      ...(isKept && { stored_held_out_loss: after.loss }),
      tokens_per_second,
      ...(adapter ? { adapter: factsOf(adapter) } : { no_adapter: reason }),
      notes: [
        ...(objective.notes ?? []),
        ...(this.learning.notes ?? []),
        ...notesOf({
          ...{ curve, taken, steps: options.steps, best: best.step, stored: after.loss, isKept },
          isPacked: [...adapters].some(([ref, { kind }]) => kind === 'low_rank' && ref.packed?.kind === 'grouped'),
          frozen: linearPlaces(model).filter(({ weight }) => !adapters.has(weight)),
        }),
      ],
    };
    await context.checkpoint?.remove();
    if (isKept) return { model: made, sites: [], training: report, ...(adapter && { adapter }) };
    await this.put(this.initialValues);
    return { model: await this.stored(), sites: [], training: report };
  }

  /** With what is learnt now. */
  private async stored(): Promise<DecoderModel> {
    const { arena, model, trainable, learning, context } = this;
    const { dtype = storedType(model) } = learning;
    return replaceWeights(model, await storeTrained(arena, trainable, learning, context.scratch, dtype));
  }
}
