/**
 * @file Healing layer by layer (as BRECQ, arXiv 2102.05426, and ZeroQuant's LKD, arXiv 2206.01861): each layer learns to put out what
 * the dense layer does, from what the healed layers before it give. One layer is there at a time, and nothing goes back through others.
 */
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import type { LinearFactors } from '../../models/low_rank.ts';
import { replaceWeights } from '../../models/map_weights.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { withArena } from '../../runtime/arena.ts';
import { NO_ADAPTERS } from '../../runtime/backward/trained_loader.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { CompressedModel, PassContext } from '../method.ts';
import { storedType } from '../slicegpt/store.ts';
import { checkpointParts, openCheckpoint, type Table, tablesOf } from '../train/checkpoint.ts';
import { lossOn, type Objective } from '../train/held_out.ts';
import { isTrained, linearPlaces, loadWhole, type Trainable, wholeRefs } from '../train/linears.ts';
import { seededAdapters } from '../train/low_rank.ts';
import { notesOf } from '../train/notes.ts';
import type { TrainingOptions } from '../train/options.ts';
import type { TrainingPoint, TrainingReport } from '../train/report.ts';
import { heldOut } from '../train/schedule.ts';
import { storeTrained } from '../train/store_trained.ts';
import { TeacherStates } from '../train/teacher_states.ts';
import { factsOf, keptFactors, NOTHING_BETTER, noAdapter } from '../train/trained_adapter.ts';
import { trainLayer } from './layer_training.ts';
import { Streams } from './streams.ts';

/** Measurements of the whole model, the first besides. */
const POINTS = 10;
const PREPARING = 0.05;

const NOTHING: Trainable = { adapters: NO_ADAPTERS, whole: new Map() };

/** What the curve shows: healed layers with the others behind them, as one model. */
interface Best {
  readonly layers: number;
  readonly loss: number;
  readonly model: DecoderModel;
}

export async function healedByLayers(
  model: DecoderModel,
  options: TrainingOptions,
  context: PassContext,
): Promise<CompressedModel> {
  const { dense, observer, spill, signal, backend } = context;
  const { calibration, training } = windowsInUse(context.calibration, options);
  const held = calibration.count - training;
  const windows = { ...calibration, count: held, ids: calibration.ids.subarray(training * calibration.seqlen) };
  const store = spill ? await spill.createScratch() : memoryScratch();
  const teacher = await TeacherStates.of(backend, dense, windows, store, signal, (fraction) =>
    observer.onProgress({ fraction: PREPARING * fraction, step: 'what the dense model predicts', tokens: 0 }),
  );
  try {
    const objective: Objective = {
      label:
        'each layer’s output to the dense layer’s, one layer after the other; the curve shows forward KL to the dense model',
      of: async (arena, chosen, batches) => ({
        teacher: { kind: 'forward_kl', head: dense.lm_head, inputs: await teacher.inputs(arena, chosen, batches) },
      }),
    };
    const measure = (made: DecoderModel) =>
      lossOn(backend, made, NOTHING, windows, [...Array(held).keys()], objective, signal);
    return await new Healing(model, options, { ...context, calibration }, training, measure).run(objective.label);
  } finally {
    await teacher.clear();
  }
}

/** Both streams go through every layer: of the windows to learn from, only as many as the steps take. Those held out stand behind them. */
function windowsInUse(
  calibration: TokenWindows,
  { steps, batch }: TrainingOptions,
): { calibration: TokenWindows; training: number } {
  const { count, seqlen, ids } = calibration;
  const held = heldOut(count);
  const training = Math.min(count - held, steps * batch);
  const used = new Uint32Array((training + held) * seqlen);
  used.set(ids.subarray(0, training * seqlen));
  used.set(ids.subarray((count - held) * seqlen, count * seqlen), training * seqlen);
  return { calibration: { ...calibration, count: training + held, ids: used }, training };
}

class Healing {
  private curve: TrainingPoint[] = [];
  private best?: Best;
  /** The best of a training that was broken off, until its layers are made again. */
  private known?: { step: number; loss: number };
  /** What each finished layer learnt, as a checkpoint has it. */
  private readonly learnt: Table[][] = [];
  /** Of each layer, on held-out windows, before and after. */
  private readonly errors: { before: number; after: number }[] = [];
  /** What each finished layer learnt, to be exported alone. */
  private readonly factors: LinearFactors[][] = [];
  private noAdapter?: string;
  private trained = 0;

  constructor(
    private readonly model: DecoderModel,
    private readonly options: TrainingOptions,
    private readonly context: PassContext,
    /** Windows that are trained on; those behind are not. */
    private readonly training: number,
    private readonly measured: (model: DecoderModel) => Promise<{ loss: number; text_loss: number }>,
  ) {}

  async run(label: string): Promise<CompressedModel> {
    const { model, context, options } = this;
    const { layers } = model;
    const begun = performance.now();
    const streams = await Streams.of(context, context.dense, model);
    try {
      const resumed = await this.resumed();
      if (resumed.length === 0) await this.measure(0, model);
      let made = model;
      this.recall(0, made);
      for (const l of layers.keys()) {
        throwIfCancelled(context.signal);
        await streams.advanceTeacher(l);
        made = await this.layer(made, l, streams, resumed[l]);
        if (l < layers.length - 1) await streams.advanceStudent(made.layers[l]);
        this.recall(l + 1, made);
        if (l < resumed.length) continue;
        if ((l + 1) % Math.max(1, Math.floor(layers.length / POINTS)) !== 0 && l !== layers.length - 1) continue;
        await this.measure(l + 1, made);
        await this.keep(l + 1);
      }
      const seconds = (performance.now() - begun) / 1000;
      const tokens = (layers.length - resumed.length) * options.steps * options.batch * context.calibration.seqlen;
      return await this.finish(label, tokens / layers.length / seconds);
    } finally {
      await streams.clear();
    }
  }

  /** @param known What it had learnt before the training was broken off. */
  private async layer(
    model: DecoderModel,
    l: number,
    streams: Streams,
    known?: readonly Table[],
  ): Promise<DecoderModel> {
    const { options, context, training } = this;
    const { backend, scratch } = context;
    return withArena(backend, async (arena) => {
      const adapters = await seededAdapters(arena, model, options, undefined, l);
      const trainable = { adapters, whole: await loadWhole(arena, model, options, l) };
      const found = await trainLayer(
        { arena, model, layer: l, trainable, options, context, training, streams },
        (share) => this.tell(l, share),
        known,
      );
      this.learnt[l] = found.values;
      if (found.errors) this.errors.push(found.errors);
      this.noAdapter ??= noAdapter(trainable, {});
      if (this.noAdapter === undefined) this.factors[l] = await keptFactors(arena, adapters, scratch);
      this.trained += [...adapters.values()].reduce(
        (sum, { A, B }) => sum + elementCount(A.shape) + elementCount(B.shape),
        [...trainable.whole.keys()].reduce((sum, { shape }) => sum + elementCount(shape), 0),
      );
      return replaceWeights(model, await storeTrained(arena, trainable, {}, scratch, storedType(model)));
    });
  }

  private recall(layers: number, model: DecoderModel): void {
    if (this.known?.step === layers) this.best = { layers, loss: this.known.loss, model };
  }

  private async measure(layers: number, made: DecoderModel): Promise<void> {
    const { context, options, model } = this;
    const { loss, text_loss } = await this.measured(made);
    const step = layers * options.steps;
    const point = { step, held_out_loss: loss, held_out_perplexity: Math.exp(text_loss) };
    this.curve.push(point);
    context.observer.onTraining?.(point, model.layers.length * options.steps);
    if (!this.best || loss < this.best.loss) this.best = { layers, loss, model: made };
  }

  /** @returns What the finished layers had learnt. */
  private async resumed(): Promise<Table[][]> {
    const stored = await this.context.checkpoint?.read();
    if (!stored) return [];
    const { step, curve, best, tables } = await openCheckpoint(stored);
    this.known = best;
    let at = 0;
    const learnt: Table[][] = [];
    for (let l = 0; l < step; l++) {
      const count = 2 * this.adapted(l) + wholeRefs(this.model, this.options, l).length;
      const own: Table[] = [];
      for await (const table of tablesOf(tables, at, at + count)) own.push(table);
      learnt.push(own);
      at += count;
    }
    for (const { held_out_loss, held_out_perplexity, step: taken } of curve)
      this.context.observer.onTraining?.(
        { step: taken, held_out_loss, held_out_perplexity },
        this.model.layers.length * this.options.steps,
      );
    this.curve = [...curve];
    return learnt;
  }

  private adapted(l: number): number {
    const places = linearPlaces(this.model).filter(({ layer, weight }) => layer === l && isTrained(weight));
    return new Set(places.map(({ weight }) => weight)).size;
  }

  private async keep(layers: number): Promise<void> {
    const { checkpoint } = this.context;
    const { best, curve } = this;
    if (!checkpoint || !best) return;
    const kept = { step: best.layers, loss: best.loss, values: [] };
    await checkpoint.write(checkpointParts({ step: layers, curve, best: kept, tables: this.learnt.flat() }));
  }

  private tell(layer: number, share: number): void {
    const { options, context, model } = this;
    const done = (layer + share) / model.layers.length;
    context.observer.onProgress({
      fraction: PREPARING + (1 - PREPARING) * done,
      ...{ layer, layers: model.layers.length, step: 'training the layer' },
      tokens: done * options.steps * options.batch * context.calibration.seqlen,
    });
  }

  private async finish(label: string, tokens_per_second: number): Promise<CompressedModel> {
    const { model, options, context, curve, training, errors } = this;
    const { calibration } = context;
    const best = this.best as Best;
    const made = await this.rest(best);
    const steps = model.layers.length * options.steps;
    const reason = best.layers === 0 ? NOTHING_BETTER : this.noAdapter;
    const { rank, alpha } = options;
    const factors = this.factors.slice(0, best.layers).flat();
    const adapter = reason === undefined ? { base: model, rank, alpha, factors } : undefined;
    const mean = (of: 'before' | 'after') => errors.reduce((sum, each) => sum + each[of], 0) / errors.length;
    const share = (value: number) => `${(100 * value).toPrecision(3)} %`;
    const report: TrainingReport = {
      objective: label,
      windows: { training, held_out: calibration.count - training, seqlen: calibration.seqlen },
      trained_parameters: this.trained,
      ...{ steps, best_step: best.layers * options.steps, curve, tokens_per_second },
      ...(best.layers > 0 && { stored_held_out_loss: best.loss }),
      ...(adapter ? { adapter: factsOf(adapter) } : { no_adapter: reason }),
      notes: [
        ...(errors.length > 0
          ? [
              `On held-out windows a layer’s output missed ${share(mean('before'))} of the dense one’s energy before it was trained, and ${share(mean('after'))} after (mean over ${errors.length} layers, each behind the healed ones).`,
            ]
          : []),
        ...(best.layers > 0 && best.layers < model.layers.length
          ? [
              `The model as a whole was nearest to the dense one with its first ${best.layers} layers healed: the divergence on held-out windows was ${best.loss.toFixed(4)} then, and ${curve[curve.length - 1].held_out_loss.toFixed(4)} with all ${model.layers.length}. Only these layers are kept healed. More text (more calibration windows), fewer steps or a lower rate help.`,
            ]
          : []),
        ...notesOf({
          // What came behind the best is said above.
          curve: curve.slice(0, 1 + curve.findIndex(({ step }) => step === best.layers * options.steps)),
          ...{ taken: steps, steps, best: best.layers * options.steps, stored: best.loss },
          // A layer that rounding left worse was put back by itself.
          ...{ isPacked: false, isKept: true },
          frozen: linearPlaces(model).filter(({ weight }) => !isTrained(weight)),
        }),
      ],
    };
    await context.checkpoint?.remove();
    return { model: made, sites: [], training: report, ...(adapter && { adapter }) };
  }

  /** Layers behind those that did best, and the final norm, stored as they came in, in the planned type. */
  private async rest({ model, layers }: Best): Promise<DecoderModel> {
    const { options, context } = this;
    return withArena(context.backend, async (arena) => {
      const left = new Set<WeightRef>(model.layers.flatMap((_, l) => (l < layers ? [] : wholeRefs(model, options, l))));
      for (const ref of wholeRefs({ ...model, layers: [] }, options)) left.add(ref);
      const loaded = await loadWhole(arena, model, options);
      const whole = new Map([...loaded].filter(([ref]) => left.has(ref)));
      const adapters = new Map<WeightRef, never>();
      let made = model;
      for (let l = layers; l < model.layers.length; l++) {
        const floats = [...(await seededAdapters(arena, model, options, undefined, l))].filter(([ref]) => !ref.packed);
        made = replaceWeights(
          made,
          await storeTrained(
            arena,
            { adapters: new Map(floats), whole: new Map() },
            {},
            context.scratch,
            storedType(model),
          ),
        );
        for (const [, { A, B, grad_A, grad_B }] of floats) arena.free(A, B, grad_A, grad_B);
      }
      return replaceWeights(
        made,
        await storeTrained(arena, { adapters, whole }, {}, context.scratch, storedType(model)),
      );
    });
  }
}
