/**
 * @file The memory of a pass with the calibration text (`layerwise/pass.ts`), step by step: streams, sums of what linears read,
 * products of a correction, weights that take the place of others; and what solvers hold on the host in f64.
 */
import type { DecoderLayer, ModelOutline, WeightOutline } from '../../models/decoder_model.ts';
import { batchRows, PlannedStates } from '../../runtime/estimate.ts';
import { type HalfName, layerWidths, type OutlinePlanner, telling } from '../../runtime/estimate_outline.ts';
import type { Held } from '../../runtime/memory_ledger.ts';
import type { Statistic } from '../../statistics/statistics.ts';
import { inputLinears, linearOf, outputLinear } from '../layerwise/half.ts';
import type { LinearName, LinearReads } from '../layerwise_types.ts';

type Layer = DecoderLayer<WeightOutline>;

export interface LayerwiseNeeds extends LinearReads {
  readonly model: ModelOutline;
  readonly dense: ModelOutline;
  /** `correct` runs within the pass. */
  readonly correct?: { readonly ridge: number | 'auto' };
  /** Linears that round what they read once they are changed. */
  readonly rounds?: (name: LinearName) => boolean;
  /** The changed weights stay where they are: the solver only looks at them. */
  readonly isTrial?: boolean;
  readonly stateBudgetBytes: number;
}

interface Stream {
  readonly model: ModelOutline;
  readonly states: PlannedStates;
  readonly mixed: Readonly<Record<HalfName, PlannedStates>>;
}

export class LayerwisePlan {
  /** Most bytes of states that wait in storage. */
  spilledBytes = 0;
  /** Most bytes of arrays in f64 on the host. */
  hostBytes = 0;
  private readonly wanted: ReadonlySet<Statistic>;
  private readonly streams: readonly Stream[];
  private readonly batches: readonly number[];
  private readonly isHeld: boolean;

  constructor(
    private readonly planner: OutlinePlanner,
    private readonly needs: LayerwiseNeeds,
  ) {
    const { correct, model, dense, statistics, stateBudgetBytes } = needs;
    this.wanted = new Set([...statistics, ...(correct ? (['gram'] as const) : [])]);
    const hasDense = correct !== undefined || this.wanted.has('cross');
    const share = Math.floor(stateBudgetBytes / (hasDense ? 4 : 2));
    const states = () => new PlannedStates(planner.ledger, share);
    this.streams = [model, ...(hasDense ? [dense] : [])].map((of) => ({
      model: of,
      states: states(),
      mixed: { attention: states(), mlp: states() },
    }));
    this.batches = batchRows(planner.windows, planner.windows.count);
    this.isHeld = correct?.ridge === 'auto' && this.batches.length > 1;
  }

  run(): void {
    const { planner, streams, batches } = this;
    const { ledger } = planner;
    const counts = ledger.holdIds('other', 64);
    for (const { model, states } of streams) {
      planner.embed(model, batches, (x, i, elements) => states.put(i, x, elements));
    }
    planner.rotary(this.needs.model);
    for (const index of telling(this.needs.model.layers)) this.layer(index);
    for (const { states, mixed } of streams) for (const each of [states, mixed.attention, mixed.mlp]) each.clear();
    ledger.freeWorkspace();
    ledger.free(counts);
  }

  private layer(index: number): void {
    const { planner, streams } = this;
    const layers = streams.map(({ model }) => model.layers[Math.min(index, model.layers.length - 1)]);
    const weights = layers.flatMap((layer) => planner.layer(layer, false));
    const [own] = layers;
    const halves = ['attention', 'mlp'] as const;
    if (own.parallel) {
      for (const half of halves) this.inputs(layers, half);
      for (const half of halves) this.mix(layers, half);
      for (const half of halves) this.outputs(layers, half);
    } else {
      for (const half of halves) {
        this.inputs(layers, half);
        this.mix(layers, half);
        this.outputs(layers, half);
      }
    }
    planner.ledger.free(...weights);
    planner.ledger.freeWorkspace();
  }

  private names(layer: Layer, half: HalfName, isOutput: boolean): LinearName[] {
    const names = isOutput ? [outputLinear(half)] : inputLinears(layer, half);
    return names.filter((name) => this.needs.touches?.(name) ?? true);
  }

  private inputs(layers: readonly Layer[], half: HalfName): void {
    const { planner, batches, streams } = this;
    const { ledger } = planner;
    const [own] = layers;
    const names = this.names(own, half, false);
    if (names.length === 0) return;
    const n = linearOf(own, names[0]).weight.shape[1];
    const sums = this.sums(n);
    for (const [i, rows] of batches.entries()) {
      const taken = streams.map(({ states }, s) => states.take(i, rows * widthBefore(layers[s], half)));
      planner.normed(own, half, `${half}_input_of_linears`, rows, true);
      const copy = ledger.hold('activations', rows * n);
      this.add(n, rows);
      if (this.needs.correct) for (const name of names) this.missing(n, rows, linearOf(own, name).weight.shape[0], 2);
      ledger.free(copy);
      for (const [s, { states }] of streams.entries()) states.put(i, taken[s], rows * widthBefore(layers[s], half));
    }
    this.take(sums, n);
    this.change(own, names, n);
  }

  private mix(layers: readonly Layer[], half: HalfName): void {
    const { planner, batches, streams } = this;
    const { ledger } = planner;
    const [own] = layers;
    const m = linearOf(own, outputLinear(half)).weight.shape[1];
    const sums = this.sums(m);
    for (const [i, rows] of batches.entries()) {
      const kept: [Held, number][] = [];
      for (const [s, { states }] of streams.entries()) {
        const elements = rows * widthBefore(layers[s], half);
        const x = states.take(i, elements);
        const width = planner.mixed(layers[s], half, rows);
        const [first] = inputLinears(own, half);
        if (s === 0) planner.rounded(this.needs.rounds?.(first), rows, linearOf(own, first).weight.shape[1]);
        kept.push([ledger.hold('activations', rows * width), rows * width]);
        states.put(i, x, elements);
      }
      this.add(m, rows);
      for (const [s, [held, elements]] of kept.entries()) streams[s].mixed[half].put(i, held, elements);
      this.noteSpill();
    }
    this.take(sums, m);
  }

  private outputs(layers: readonly Layer[], half: HalfName): void {
    const { planner, batches, streams, needs } = this;
    const { ledger } = planner;
    const [own] = layers;
    const names = this.names(own, half, true);
    const [D, m] = linearOf(own, outputLinear(half)).weight.shape;
    if (needs.correct && names.length > 0) {
      for (const [i, rows] of batches.entries()) {
        const taken = streams.map(({ states, mixed }, s) => {
          const elements = [rows * widthBefore(layers[s], half), rows * mixedWidth(layers[s], half)];
          return { elements, held: [states.take(i, elements[0]), mixed[half].take(i, elements[1])] };
        });
        planner.branch(own, half, rows);
        this.missing(m, rows, D, 2);
        for (const [s, { elements, held }] of taken.entries()) {
          streams[s].states.put(i, held[0], elements[0]);
          streams[s].mixed[half].put(i, held[1], elements[1]);
        }
      }
    }
    if (names.length > 0) this.change(own, names, m);
    for (const [i, rows] of batches.entries()) {
      for (const [s, { states, mixed }] of streams.entries()) {
        const layer = layers[s];
        const x = states.take(i, rows * widthBefore(layer, half));
        const z = mixed[half].take(i, rows * mixedWidth(layer, half));
        const width = linearOf(layer, outputLinear(half)).weight.shape[0];
        const shortcut = half === 'attention' ? layer.attn_shortcut_Q : layer.mlp_shortcut_Q;
        const y = shortcut ? ledger.hold('activations', rows * width) : x;
        if (y !== x) ledger.free(x);
        planner.branch(layer, half, rows);
        if (s === 0) planner.rounded(needs.rounds?.(outputLinear(half)), rows, mixedWidth(layer, half));
        ledger.free(z);
        states.put(i, y, rows * width);
      }
      ledger.sync();
    }
  }

  /** Grams on the device while a tap is summed. */
  private sums(n: number): Held[] {
    if (!this.wanted.has('gram')) return [];
    const { ledger } = this.planner;
    const one = () => [
      ledger.holdBytes('matrices', ledger.costs.gramBytes(n)),
      ...(ledger.costs.sumsInSingle ? [ledger.hold('matrices', n * n)] : []),
    ];
    return [...one(), ...(this.isHeld ? one() : [])];
  }

  /** A batch of a tap: its cross product with the dense stream's, or its states, are read back. */
  private add(n: number, rows: number): void {
    const { ledger } = this.planner;
    if (this.wanted.has('cross')) this.product(n, n);
    const isRead = ['means', 'range'].some((each) => this.wanted.has(each as Statistic));
    if (isRead || (this.wanted.has('diagonal') && !this.wanted.has('gram'))) ledger.read(rows * n);
  }

  private product(rows: number, columns: number): void {
    const { ledger } = this.planner;
    const product = ledger.hold('matrices', rows * columns);
    ledger.read(rows * columns);
    ledger.free(product);
  }

  /** What a correction makes of a batch: `tensors` of (rows, out), and their product with the inputs. */
  private missing(n: number, rows: number, out: number, tensors: number): void {
    const { ledger } = this.planner;
    const made = Array.from({ length: tensors }, () => ledger.hold('activations', rows * out));
    ledger.free(...made.slice(1));
    this.product(n, out);
    ledger.free(made[0]);
  }

  private take(sums: readonly Held[], n: number): void {
    const { ledger } = this.planner;
    for (const sum of sums) {
      ledger.read(n * n);
      ledger.free(sum);
    }
  }

  /** New weights are loaded before the old ones are freed. */
  private change(layer: Layer, names: readonly LinearName[], n: number): void {
    const { planner, needs } = this;
    const outs = names.map((name) => linearOf(layer, name).weight.shape[0]);
    this.noteHost(n, outs);
    if (needs.isTrial) return;
    for (const name of names) {
      const { shape } = linearOf(layer, name).weight;
      planner.ledger.free(planner.ledger.load('weights', shape[0] * shape[1], 2));
    }
  }

  private noteHost(n: number, outs: readonly number[]): void {
    const { wanted, needs } = this;
    const all = outs.reduce((sum, out) => sum + out, 0) * n;
    const square = n * n;
    const sums = (wanted.has('gram') ? (this.isHeld ? 2 : 1) : 0) + (wanted.has('cross') ? 1 : 0);
    // A factor is made of a copy that is turned round, and inverted beside it.
    const factor = wanted.has('gram') ? 4 * square : 0;
    const corrected = needs.correct ? (this.isHeld ? 4 : 2) * all + factor : 0;
    // The weights in f64 and f32, one of them once more while it is walked, its codes and what they stand for.
    const most = Math.max(...outs) * n;
    const changed = 1.5 * all + 2.25 * most + factor;
    this.hostBytes = Math.max(this.hostBytes, 8 * (sums * square + Math.max(corrected, changed)));
  }

  private noteSpill(): void {
    const sets = this.streams.flatMap(({ states, mixed }) => [states, mixed.attention, mixed.mlp]);
    this.spilledBytes = Math.max(
      this.spilledBytes,
      sets.reduce((sum, { spilledBytes }) => sum + spilledBytes, 0),
    );
  }
}

function widthBefore(layer: Layer, half: HalfName): number {
  const { input, middle } = layerWidths(layer);
  return half === 'attention' || layer.parallel ? input : middle;
}

function mixedWidth(layer: Layer, half: HalfName): number {
  return linearOf(layer, outputLinear(half)).weight.shape[1];
}
