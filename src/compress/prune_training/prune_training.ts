/**
 * @file Pruning while training: adapters learn the text, a few units at a time are silenced as a scorer says, and what is left makes
 * up for them. At the end adapters are merged, and `width`'s cutting takes the silent units out.
 */
import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import { replaceWeights } from '../../models/map_weights.ts';
import { memoryScratch, type ScratchStore } from '../../models/scratch.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { parametersOf } from '../../runtime/backward/trained.ts';
import { AdapterTraining, fill, fillAll, stepWindows, valuesOf } from '../../runtime/backward/training.ts';
import { elementCount } from '../../tensor/shape.ts';
import { type HalfName, linearOf, outputLinear } from '../layerwise/half.ts';
import type { CompressedModel, PassContext } from '../method.ts';
import { storedType } from '../slicegpt/store.ts';
import { lowestUnits } from '../solvers/unit_scores.ts';
import { checkpointParts, openCheckpoint, type Table, tablesOf } from '../train/checkpoint.ts';
import { lossOn, type Objective } from '../train/held_out.ts';
import { KeptTables } from '../train/kept_tables.ts';
import type { Trainable } from '../train/linears.ts';
import { seededAdapters } from '../train/low_rank.ts';
import type { TrainingPoint, TrainingReport } from '../train/report.ts';
import { heldOut, learningRate, windowsOfStep } from '../train/schedule.ts';
import { storeTrained } from '../train/store_trained.ts';
import { ADAMW, assertWindows } from '../train/train.ts';
import { spread } from '../width/budget.ts';
import { halvesOf } from '../width/plan.ts';
import { pruneModel } from '../width/prune_model.ts';
import { goneUnits } from '../width/shapes.ts';
import { type PruneTrainingOptions, widthOptions } from './options.ts';
import { goneShare, lastCut } from './schedule.ts';
import { type Scorer, type UnitScores, unitZeros } from './scorer.ts';

const TEXT: Objective = { label: 'the next token of the text, while units go', of: async () => ({}) };

/** Measurements, the first and the last besides. */
const POINTS = 10;
/** Of the progress bar, the rest is cutting. */
const TRAINING = 0.9;
/** Below every score: units that are gone stay gone. */
const GONE = -Number.MAX_VALUE;

export async function prunedInTraining(
  model: DecoderModel,
  options: PruneTrainingOptions,
  context: PassContext,
  scorerOf: (arena: Arena, halves: readonly HalfName[], trainable: Trainable) => Promise<Scorer>,
): Promise<CompressedModel> {
  assertWindows(context.calibration.count);
  const halves = halvesOf(widthOptions(options));
  const scratch = context.spill ? await context.spill.createScratch() : memoryScratch();
  try {
    const { merged, gone, report } = await withArena(context.backend, async (arena) => {
      const adapters = await seededAdapters(arena, model, options);
      const columns = countingAll(arena, model, halves);
      const trainable = { adapters, whole: new Map(), columns };
      const scorer = await scorerOf(arena, halves, trainable);
      const run = new PruneTraining(arena, model, halves, trainable, options, context, scorer, scratch);
      const found = await run.run();
      const stored = await storeTrained(arena, trainable, {}, scratch, storedType(model));
      return { ...found, merged: replaceWeights(model, stored) };
    });
    const scores = new Map([...gone].map(([half, layers]) => [half, layers.map(scoreOfGone)]));
    const budgets = new Map([...gone].map(([half, layers]) => [half, layers.map((each) => sumOf(each))]));
    const { observer } = context;
    const onProgress: typeof observer.onProgress = (progress) =>
      observer.onProgress({ ...progress, fraction: TRAINING + (1 - TRAINING) * progress.fraction });
    const cutting = { ...context, observer: { ...observer, onProgress } };
    return { ...(await pruneModel(merged, widthOptions(options), halves, budgets, cutting, scores)), training: report };
  } finally {
    await scratch.clear();
  }
}

/** 1 for each unit that is gone. */
type Gone = ReadonlyMap<HalfName, readonly Float64Array[]>;

function scoreOfGone(gone: Float64Array): Float64Array {
  return gone.map((value) => -value);
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Ones for the inputs of each linear that writes. */
function countingAll(arena: Arena, model: DecoderModel, halves: readonly HalfName[]): Map<WeightRef, Tensor> {
  const scales = new Map<WeightRef, Tensor>();
  for (const layer of model.layers) {
    for (const half of halves) {
      const { weight } = linearOf(layer, outputLinear(half));
      const columns = weight.shape[1];
      const ones = new Float32Array(columns).fill(1);
      scales.set(weight, arena.own(arena.backend.fromArray(ones, [columns], 'kept inputs')));
    }
  }
  return scales;
}

class PruneTraining {
  private readonly gone: Map<HalfName, Float64Array[]>;
  private curve: TrainingPoint[] = [];
  private readonly training: number;
  private best?: { step: number; loss: number };
  private readonly bestValues: KeptTables;

  constructor(
    private readonly arena: Arena,
    private readonly model: DecoderModel,
    private readonly halves: readonly HalfName[],
    private readonly trainable: Trainable & { readonly columns: ReadonlyMap<WeightRef, Tensor> },
    private readonly options: PruneTrainingOptions,
    private readonly context: PassContext,
    private readonly scorer: Scorer,
    scratch: ScratchStore,
  ) {
    this.bestValues = new KeptTables(scratch);
    this.gone = unitZeros(model, halves);
    const { count } = context.calibration;
    this.training = count - heldOut(count);
  }

  async run(): Promise<{ gone: Gone; report: TrainingReport }> {
    const { arena, model, options, context, trainable } = this;
    const { calibration, signal } = context;
    const { steps, batch, seed } = options;
    const { adapters, whole, columns } = trainable;
    const begun = performance.now();
    const training = new AdapterTraining(arena, model, adapters, calibration.seqlen, ADAMW, whole, undefined, columns);
    const from = await this.resumed(training);
    if (from === 0) await this.measure(0, []);
    const every = Math.max(1, Math.floor(steps / POINTS));
    let losses: number[] = [];
    for (let step = from; step < steps; step++) {
      throwIfCancelled(signal);
      losses.push(await this.step(training, step, windowsOfStep(step, batch, this.training, seed)));
      this.cut(goneShare(step, steps));
      if ((step + 1) % every !== 0 && step + 1 !== steps) continue;
      await this.measure(step + 1, losses);
      await this.keep(step + 1, training);
      losses = [];
    }
    if (!this.best) throw new RangeError('nothing was measured');
    await context.checkpoint?.remove();
    await fillAll(arena, this.tensors, tablesOf(this.bestValues));
    const seconds = (performance.now() - begun) / 1000;
    return { gone: this.gone, report: this.report(((steps - from) * batch * calibration.seqlen) / seconds) };
  }

  /** Goes on where a training that was broken off stood. @returns Steps that were taken before. */
  private async resumed(training: AdapterTraining): Promise<number> {
    const { context, options, scorer } = this;
    const stored = await context.checkpoint?.read();
    if (!stored) return 0;
    const { step, curve, best, tables } = await openCheckpoint(stored);
    const gone = [...this.gone.values()].flat();
    const own = tables.count - gone.length - scorer.state().length;
    await training.restore(step, tablesOf(tables, 0, own));
    for (const [i, units] of gone.entries()) units.set(await tables.table(own + i));
    const scores: Float64Array[] = [];
    for await (const each of tablesOf(tables, own + gone.length)) scores.push(each as Float64Array);
    scorer.restore(scores);
    for (const half of this.halves) for (const l of this.model.layers.keys()) this.silence(half, l);
    this.curve = [...curve];
    if (best.step >= 0) {
      await this.bestValues.put(tablesOf(best.values));
      this.best = { step: best.step, loss: best.loss };
    }
    for (const point of curve) context.observer.onTraining?.(point, options.steps);
    return step;
  }

  private async keep(step: number, training: AdapterTraining): Promise<void> {
    const { context, curve, best = { step: -1, loss: 0 }, bestValues, scorer } = this;
    if (!context.checkpoint) return;
    const more = [...[...this.gone.values()].flat(), ...scorer.state()];
    async function* tables(): AsyncGenerator<Table> {
      yield* training.state();
      yield* more;
    }
    const held = { ...best, values: tablesOf(bestValues) };
    await context.checkpoint.write(checkpointParts({ step, curve, best: held, tables: tables() }));
  }

  private async step(training: AdapterTraining, step: number, chosen: readonly number[]): Promise<number> {
    const { options, context, scorer } = this;
    const { calibration, signal, spill, observer } = context;
    const { steps, batch } = options;
    return withArena(context.backend, async (own) => {
      const taken = stepWindows(own, calibration, chosen);
      const onProgress = (share: number) =>
        observer.onProgress({
          fraction: (TRAINING * (step + share)) / steps,
          step: `training, step ${step + 1} of ${steps}`,
          tokens: (step + share) * batch * calibration.seqlen,
        });
      return training.stepBy(learningRate(step, options), (backward, loader) =>
        scorer.gradients(backward, loader, taken, { signal, onProgress, ...(spill && { spill }) }),
      );
    });
  }

  /** Silences units until this share of those that are to go is gone. */
  private cut(share: number): void {
    const { model, options } = this;
    const keep = 1 - share * (1 - options.keep);
    if (keep === 1) return;
    const scores = this.scores();
    for (const half of this.halves) {
      const rows = scores.get(half) as readonly Float64Array[];
      const counts = options.budget === 'global' ? spread(rows, keep) : rows.map((row) => goneUnits(keep, row.length));
      for (const l of model.layers.keys()) {
        const gone = this.gone.get(half)?.[l] as Float64Array;
        for (const unit of lowestUnits(rows[l], counts[l])) gone[unit] = 1;
        this.silence(half, l);
      }
    }
  }

  /** What is gone of a layer counts nothing from now on. */
  private silence(half: HalfName, l: number): void {
    const { model, arena, trainable } = this;
    const gone = this.gone.get(half)?.[l] as Float64Array;
    const { weight } = linearOf(model.layers[l], outputLinear(half));
    const width = weight.shape[1] / gone.length;
    const kept = Float32Array.from({ length: weight.shape[1] }, (_, i) => 1 - gone[Math.floor(i / width)]);
    fill(arena, trainable.columns.get(weight) as Tensor, kept);
  }

  /** As the scorer has them; what is gone stays so. */
  private scores(): UnitScores {
    const scores = this.scorer.scores();
    return new Map(
      [...scores].map(([half, rows]) => [
        half,
        rows.map((row, l) => row.map((score, unit) => (this.gone.get(half)?.[l][unit] ? GONE : score))),
      ]),
    );
  }

  /** The adapters that do best with all that is to go gone are remembered. */
  private async measure(step: number, losses: readonly number[]): Promise<void> {
    const { context, trainable, options, training } = this;
    const { backend, calibration, signal, observer } = context;
    const held = Array.from({ length: calibration.count - training }, (_, i) => training + i);
    const found = await lossOn(backend, this.model, trainable, calibration, held, TEXT, signal);
    const point: TrainingPoint = {
      step,
      ...(losses.length > 0 && { training_loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length }),
      held_out_loss: found.loss,
      held_out_perplexity: Math.exp(found.text_loss),
    };
    this.curve.push(point);
    observer.onTraining?.(point, options.steps);
    if (step <= lastCut(options.steps) || (this.best && !(found.loss < this.best.loss))) return;
    await this.bestValues.put(valuesOf(this.arena, this.tensors));
    this.best = { step, loss: found.loss };
  }

  private get tensors(): Tensor[] {
    return [...this.trainable.adapters.values()].flatMap(parametersOf).map(({ parameter }) => parameter);
  }

  private report(tokens_per_second: number): TrainingReport {
    const { curve, options, context, training, best } = this;
    const { step, loss } = best as { step: number; loss: number };
    const last = curve[curve.length - 1];
    const perplexity = (value: number) => Math.exp(value).toPrecision(4);
    const notes = [
      `Units went in steps ${Math.floor(0.1 * options.steps) + 1} to ${lastCut(options.steps) + 1}. Held-out perplexity: ${perplexity(curve[0].held_out_loss)} with all of them, ${perplexity(loss)} with the weights that are kept (step ${step}).`,
    ];
    const rise = last.held_out_loss / loss - 1;
    if (rise > 0.005) {
      notes.push(
        `Over-fitting: with all units gone the held-out loss was lowest at step ${step} and ${(100 * rise).toFixed(1)} % higher at step ${last.step}. The weights of step ${step} are kept. More text (more calibration windows), fewer steps or a lower rate help.`,
      );
    }
    return {
      objective: TEXT.label,
      windows: { training, held_out: context.calibration.count - training, seqlen: context.calibration.seqlen },
      trained_parameters: this.tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
      ...{ steps: options.steps, best_step: step, curve, stored_held_out_loss: loss, tokens_per_second, notes },
      no_adapter: 'Units were cut out of the model together with what was learnt of them.',
    };
  }
}
