/**
 * @file A pass with the calibration text: the compressed stream, and where it is asked for the dense one beside it, go
 * through the model a layer at a time. Of each half: sums of what its input linears read, those change; then what its output
 * linear reads is made with them, summed, kept; that changes; then the streams move on.
 */
import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderLayer, DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import type { InputQuantization } from '../../models/input_quantization.ts';
import type { Arena } from '../../runtime/arena.ts';
import { embedTokens } from '../../runtime/embed.ts';
import { RotaryCache } from '../../runtime/model_pass.ts';
import { BatchStates, type SpillOptions } from '../../runtime/spill.ts';
import { attentionWeights, freeDeviceLayer, mlpWeights, WeightLoader } from '../../runtime/weights.ts';
import { batchesOf, batchIds, rowsPerBatch } from '../../runtime/windows.ts';
import type { Statistic, TapStatistics } from '../../statistics/statistics.ts';
import { TapSums } from '../../statistics/tap_sums.ts';
import type { FloatType } from '../../tensor/dtype.ts';
import type { CorrectOptions } from '../correct/correct.ts';
import type { LinearInput, LinearMethod, LinearName } from '../layerwise_types.ts';
import type { CompressedModel, PassContext, UnitReport } from '../method.ts';
import { storedType } from '../slicegpt/store.ts';
import { changeLinears, linalgOptions } from './change_linears.ts';
import { addCorrection, chooseRidge, corrections, DEFAULT_RIDGE, Missing } from './correction.ts';
import { type Fold, foldScale } from './fold_scale.ts';
import { DeviceHalf, type HalfName, inputLinears, linearOf, outputLinear, withLinear, withWeights } from './half.ts';
import { assertComparable, assertFinite, denseLayer } from './pass_checks.ts';

/** A stream of states with what the halves at hand made of them, batch by batch. */
interface Stream {
  /** Inputs of the half at hand. */
  readonly states: BatchStates;
  /** What each half's output linear reads. */
  readonly mixed: Readonly<Record<HalfName, BatchStates>>;
}

/** Of the inputs at hand; `held`: the Gram of the held-back batches. */
interface Sums {
  readonly statistics: TapStatistics;
  readonly held?: Float64Array | undefined;
}

async function heldGram(sums: TapSums | undefined): Promise<Float64Array | undefined> {
  return (await sums?.take())?.gram;
}

/** A layer at hand: compressed, and dense where that stream runs along. */
interface Halves {
  readonly own: Readonly<Record<HalfName, DeviceHalf>>;
  readonly dense?: Readonly<Record<HalfName, DeviceHalf>>;
}

/** What is put down between two layers. */
interface Finished {
  readonly layers: readonly DecoderLayer[];
  readonly units: readonly UnitReport[];
  readonly tokens: number;
}

export class LayerwisePass<Options> {
  private readonly loader: WeightLoader;
  private readonly rotary: RotaryCache;
  private readonly units: UnitReport[] = [];
  private readonly dtype: FloatType;
  private readonly own: Stream;
  private readonly dense?: Stream;
  private readonly wanted: ReadonlySet<Statistic>;
  private readonly batches: number;
  private readonly ids: readonly Uint32Array[];
  private changed = new Map<LinearName, WeightRef>();
  private biases = new Map<LinearName, WeightRef>();
  private inputs = new Map<LinearName, InputQuantization>();
  /** Scales of the layer at hand. On the device its linears stand for undivided inputs until it is done. */
  private folds: Fold[] = [];
  private tokens = 0;

  constructor(
    private readonly arena: Arena,
    private readonly method: LinearMethod<Options>,
    private readonly model: DecoderModel,
    private readonly options: Options,
    wanted: ReadonlySet<Statistic>,
    private readonly correct: CorrectOptions | undefined,
    private readonly context: PassContext,
  ) {
    const { calibration, backend } = context;
    this.loader = new WeightLoader(arena, true);
    this.rotary = new RotaryCache(arena, calibration.seqlen);
    this.dtype = storedType(model);
    this.wanted = correct ? new Set([...wanted, 'gram']) : wanted;
    const hasDense = correct !== undefined || wanted.has('cross');
    const spill = shareOf(context.spill, hasDense ? 4 : 2);
    const stream = (): Stream => ({
      states: new BatchStates(arena, spill),
      mixed: { attention: new BatchStates(arena, spill), mlp: new BatchStates(arena, spill) },
    });
    this.own = stream();
    if (hasDense) this.dense = stream();
    const batches = batchesOf(calibration, 0, calibration.count, rowsPerBatch(backend.info));
    this.ids = batches.map((batch) => batchIds(calibration, batch));
    this.batches = batches.length;
  }

  async run(): Promise<CompressedModel> {
    const { model } = this;
    try {
      const streams = { own: this.own.states, ...(this.dense && { dense: this.dense.states }) };
      const layers: DecoderLayer[] = [];
      const found = await this.context.checkpoints?.take<Finished>(streams);
      if (found) {
        layers.push(...found.value.layers);
        this.units.push(...found.value.units);
        this.tokens = found.value.tokens;
      } else {
        await this.embed(model, this.own);
        if (this.dense) await this.embed(this.context.dense, this.dense);
      }
      for (const layer of model.layers.slice(layers.length)) {
        layers.push(await this.layer(layer));
        const { units, tokens } = this;
        const value = { layers, units, tokens };
        const count = model.layers.length;
        if (layers.length < count)
          await this.context.checkpoints?.save<Finished>(
            () => ({ done: layers.length, layers: count, value, tensors: {} }),
            streams,
          );
      }
      return { model: { ...model, layers }, sites: [], units: this.units };
    } finally {
      for (const { states, mixed } of [this.own, ...(this.dense ? [this.dense] : [])]) {
        for (const each of [states, mixed.attention, mixed.mlp]) await each.clear();
      }
    }
  }

  private async embed({ embed_tokens }: DecoderModel, { states }: Stream): Promise<void> {
    const { seqlen } = this.context.calibration;
    await embedTokens(this.arena, this.loader, embed_tokens, this.ids, seqlen, (x, index) => states.put(index, x));
  }

  private async layer(layer: DecoderLayer): Promise<DecoderLayer> {
    const { arena, loader, dense } = this;
    this.changed = new Map();
    this.biases = new Map();
    this.inputs = new Map();
    this.folds = [];
    const next = this.model.layers[layer.index + 1];
    const weights = await loader.layer(layer);
    const beside = dense && denseLayer(this.context.dense, this.model, layer.index);
    const denseWeights = beside && (await loader.layer(beside));
    if (next) loader.prefetch([...attentionWeights(next), ...mlpWeights(next)]);
    const halves = (of: DecoderLayer, loaded: typeof weights) => {
      const { rotary } = of.attention;
      const table = rotary && this.rotary.get(rotary);
      const half = (name: HalfName) => new DeviceHalf(arena, name, of, loaded, table, this.context.calibration.seqlen);
      return { attention: half('attention'), mlp: half('mlp') };
    };
    if (beside) assertComparable(layer, beside, { isCrossed: this.wanted.has('cross'), isCorrected: !!this.correct });
    const both: Halves = {
      own: halves(layer, weights),
      ...(beside && denseWeights && { dense: halves(beside, denseWeights) }),
    };
    if (layer.parallel) {
      for (const half of ['attention', 'mlp'] as const) await this.changeInputs(both, half);
      // Both read the layer's input, which the first of them to be added uses up.
      const attention = await this.mix(both, 'attention');
      const mlp = await this.mix(both, 'mlp');
      await this.changeOutputs(both, 'attention', attention);
      await this.changeOutputs(both, 'mlp', mlp);
    } else {
      for (const half of ['attention', 'mlp'] as const) {
        await this.changeInputs(both, half);
        await this.changeOutputs(both, half, await this.mix(both, half));
      }
    }
    await loader.assertFinite();
    freeDeviceLayer(arena, weights);
    if (denseWeights) freeDeviceLayer(arena, denseWeights);
    arena.freeWorkspace();
    let made = withWeights(layer, this.changed, this.inputs);
    for (const [name, bias] of this.biases) made = withLinear(made, name, { ...linearOf(made, name), bias });
    for (const fold of this.folds) made = await foldScale(made, fold, this.context.scratch, this.dtype);
    return made;
  }

  /** Changes what reads the half's norm: q, k and v, or gate and up. */
  private async changeInputs({ own, dense }: Halves, name: HalfName): Promise<void> {
    const half = own[name];
    const names = this.touched(inputLinears(half.layer, name));
    if (names.length === 0) return;
    const sums = new TapSums(this.arena, half.linear(names[0]).weight.shape[1], this.wanted);
    const held = this.heldSums(sums.size);
    const missing = new Map(names.map((each) => [each, new Missing(this.arena)]));
    for (let i = 0; i < this.batches; i++) {
      const x = await this.own.states.take(i);
      const xDense = await this.dense?.states.take(i);
      // A copy, because the dense half norms into a workspace of the same name.
      const read = this.copied(half.normed(x));
      const readDense = xDense && dense?.[name].normed(xDense);
      await sums.add(read, readDense);
      if (this.isHeld(i)) await held?.add(read);
      if (this.correct && readDense && dense) {
        for (const each of names) {
          const [own, other] = [half.linear(each), dense[name].linear(each)];
          // Pruned heads or channels have no counterpart to be compared with.
          if (own.weight.shape[0] !== other.weight.shape[0]) continue;
          await missing.get(each)?.addInput(read, own, readDense, other, this.isHeld(i));
        }
      }
      this.arena.free(read);
      await this.own.states.put(i, x);
      if (xDense) await this.dense?.states.put(i, xDense);
      await this.step(
        half.layer.index,
        STEPS[name].inputs,
        (name === 'mlp' ? 0.5 : 0) + (0.15 * (i + 1)) / this.batches,
        0,
      );
    }
    await this.change(half, names, { statistics: await sums.take(), held: await heldGram(held) }, missing);
  }

  private touched(names: readonly LinearName[]): readonly LinearName[] {
    return names.filter((name) => this.method.touches?.(name) ?? true);
  }

  /** Makes what the half's output linear reads, with the changed weights, and sums it. */
  private async mix({ own, dense }: Halves, name: HalfName): Promise<Sums> {
    const half = own[name];
    const sums = new TapSums(this.arena, half.linear(outputLinear(name)).weight.shape[1], this.wanted);
    const held = this.heldSums(sums.size);
    for (let i = 0; i < this.batches; i++) {
      const x = await this.own.states.take(i);
      const mixed = half.mixed(x);
      await this.own.states.put(i, x);
      let mixedDense: Tensor | undefined;
      if (this.dense && dense) {
        const xDense = await this.dense.states.take(i);
        mixedDense = dense[name].mixed(xDense);
        await this.dense.states.put(i, xDense);
      }
      await sums.add(mixed, mixedDense);
      if (this.isHeld(i)) await held?.add(mixed);
      await this.own.mixed[name].put(i, mixed);
      if (mixedDense) await this.dense?.mixed[name].put(i, mixedDense);
      await this.step(
        half.layer.index,
        STEPS[name].mixed,
        (name === 'mlp' ? 0.65 : 0.15) + (0.15 * (i + 1)) / this.batches,
        0,
      );
    }
    return { statistics: await sums.take(), held: await heldGram(held) };
  }

  /** Changes what writes into the stream, and moves the streams on. */
  private async changeOutputs({ own, dense }: Halves, name: HalfName, sums: Sums): Promise<void> {
    const half = own[name];
    const output = outputLinear(name);
    const missing = new Missing(this.arena);
    const names = this.touched([output]);
    if (this.correct && this.dense && dense && names.length > 0) {
      for (let i = 0; i < this.batches; i++) {
        const [x, z] = [await this.own.states.take(i), await this.own.mixed[name].take(i)];
        const [xDense, zDense] = [await this.dense.states.take(i), await this.dense.mixed[name].take(i)];
        await missing.addOutput(half, x, z, dense[name], xDense, zDense, this.isHeld(i));
        await this.own.states.put(i, x);
        await this.own.mixed[name].put(i, z);
        await this.dense.states.put(i, xDense);
        await this.dense.mixed[name].put(i, zDense);
        throwIfCancelled(this.context.signal);
      }
    }
    if (names.length > 0) await this.change(half, names, sums, new Map([[output, missing]]));
    for (let i = 0; i < this.batches; i++) {
      const rows = await this.advance(this.own, half, name, i);
      if (this.dense && dense) await this.advance(this.dense, dense[name], name, i);
      await this.step(
        half.layer.index,
        STEPS[name].outputs,
        (name === 'mlp' ? 0.8 : 0.3) + (0.2 * (i + 1)) / this.batches,
        rows / 2,
      );
    }
  }

  private async advance(stream: Stream, half: DeviceHalf, name: HalfName, batch: number): Promise<number> {
    const x = await stream.states.take(batch);
    const mixed = await stream.mixed[name].take(batch);
    const y = half.output(x, mixed);
    this.arena.free(mixed);
    await stream.states.put(batch, y);
    return y.shape[0];
  }

  private async change(
    half: DeviceHalf,
    names: readonly LinearName[],
    { statistics, held }: Sums,
    missing: ReadonlyMap<LinearName, Missing>,
  ): Promise<void> {
    const { context, correct, method, options } = this;
    await this.loader.assertFinite();
    assertFinite(statistics, half.layer.index, names);
    const moved = correct
      ? await this.corrected(statistics, held, names, missing)
      : new Map<LinearName, Float64Array>();
    const prepare = ({ W, rows, columns, use }: LinearInput) => {
      const D = moved.get(use.name);
      if (D) addCorrection(W, rows, columns, D);
    };
    const { layer } = half;
    const { dtype } = this;
    const { linears, fold } = await changeLinears(method, options, layer, names, statistics, context, dtype, prepare);
    if (fold) this.folds.push(fold);
    for (const { name, weight, bias, unit, effective, input } of linears) {
      this.changed.set(name, weight);
      this.units.push(unit);
      const uploaded = () => this.arena.own(context.backend.fromArray(effective ?? [], weight.shape, weight.name));
      if (bias) this.biases.set(name, bias);
      half.replace(
        name,
        effective ? uploaded() : await this.loader.load(weight),
        bias && (await this.loader.load(bias)),
      );
      if (!input) continue;
      half.quantizeInput(name, input);
      this.inputs.set(name, input);
    }
    // What is rounded has to be divided before: the norm is, now. Other places wait until the layer is done.
    if (fold && this.inputs.has(names[0])) await half.divideNorm(fold.scale);
  }

  /** What `correct` adds to each linear. */
  private async corrected(
    { gram, size }: TapStatistics,
    held: Float64Array | undefined,
    names: readonly LinearName[],
    missing: ReadonlyMap<LinearName, Missing>,
  ): Promise<Map<LinearName, Float64Array>> {
    const sums = names.flatMap((name) => {
      const of = missing.get(name)?.take();
      return of && of.all.length > 0 ? [{ name, ...of }] : [];
    });
    if (!gram || !this.correct || sums.length === 0) return new Map();
    const options = linalgOptions(this.context);
    const { ridge } = this.correct;
    const chosen = ridge !== 'auto' ? ridge : held ? await chooseRidge(gram, held, size, sums, options) : DEFAULT_RIDGE;
    const all = sums.map((each) => each.all);
    const moved = await corrections(gram, size, all, chosen, options);
    return new Map(moved?.map((D, i) => [sums[i].name, D]));
  }

  /** With `ridge=auto` the last quarter of the batches is held back, to choose by. */
  private isHeld(batch: number): boolean {
    return this.correct?.ridge === 'auto' && this.batches > 1 && batch >= this.batches - Math.ceil(this.batches / 4);
  }

  private heldSums(size: number): TapSums | undefined {
    return this.isHeld(this.batches - 1) ? new TapSums(this.arena, size, new Set(['gram'])) : undefined;
  }

  private copied(states: Tensor): Tensor {
    const copy = this.arena.empty(states.shape, 'linear_input');
    this.arena.backend.copy(states, copy);
    return copy;
  }

  private async step(layer: number, step: string, withinLayer: number, tokens: number): Promise<void> {
    await this.arena.backend.sync();
    throwIfCancelled(this.context.signal);
    this.tokens += tokens;
    const layers = this.model.layers.length;
    const fraction = Math.min(1, (layer + withinLayer) / layers);
    this.context.observer.onProgress({ fraction, layer, layers, step, tokens: this.tokens });
  }
}

const STEPS: Readonly<Record<HalfName, Record<'inputs' | 'mixed' | 'outputs', string>>> = {
  attention: { inputs: 'inputs of q, k and v', mixed: 'inputs of o', outputs: 'attention' },
  mlp: { inputs: 'inputs of gate and up', mixed: 'inputs of down', outputs: 'MLP' },
};

/** Several sets of states share one budget. */
function shareOf(spill: SpillOptions | undefined, sets: number): SpillOptions | undefined {
  return spill && { ...spill, budgetBytes: Math.floor(spill.budgetBytes / sets) };
}
