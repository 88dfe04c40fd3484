/** @file The steps of calibrating and slicing, as {@link MemoryLedger} entries. */

import { tableBlockRows } from '../../runtime/budgets.ts';
import {
  type LayerDimensions,
  PlannedStates,
  planAttentionWeights,
  planAttentionWorkspace,
  planEmbedding,
  planLayers,
  planMlpWorkspace,
  plannedLayers,
  planResidual,
  planRotary,
  type RunShape,
  type WindowPlan,
} from '../../runtime/estimate.ts';
import type { Held, MemoryLedger } from '../../runtime/memory_ledger.ts';
import type { ModelShape } from './parts.ts';
import type { HeadKind } from './plan.ts';
import type { SiteDimensions } from './sites.ts';

export interface SlicingJob {
  windows: WindowPlan;
  batches: readonly number[];
  stateBudgetBytes: number;
  dimensions: SiteDimensions;
  head: HeadKind;
  layerDimensions(layer: number): LayerDimensions;
}

/** Dominant directions that are counted with; few models have more than a handful. */
const DIRECTIONS = 8;

export class SlicingPlanner {
  /** Most bytes of states that wait in storage. */
  spilledBytes = 0;
  private readonly D: number;
  /** How fused layers run. */
  private readonly fused: RunShape;

  constructor(
    private readonly ledger: MemoryLedger,
    private readonly shape: ModelShape,
    private readonly run: RunShape,
    private readonly job: SlicingJob,
  ) {
    this.D = shape.hidden_size;
    this.fused = { ...run, norm_weights: false, up_bias: run.up_bias || shape.norm_bias };
  }

  /** `sliceSequential`. */
  sequential(): void {
    const { ledger, shape, job } = this;
    const original = this.matrix();
    const counts = ledger.holdIds('other', 64);
    const states = new PlannedStates(ledger, job.stateBudgetBytes);
    const tokens = this.sum();
    this.embed(states, (rows) => this.addToSum(rows));
    this.take(tokens);
    this.tableGram();
    const first = this.principalBasis();
    const rotary = planRotary(ledger, this.run, job.windows.seqlen);
    let input = first;
    for (const layer of plannedLayers(shape.num_hidden_layers, job.layerDimensions)) {
      const output = shape.parallel ? this.parallelLayer(layer, states, original) : this.layer(layer, states, original);
      if (input !== first) ledger.free(input);
      input = output;
    }
    states.clear();
    ledger.freeWorkspace();
    this.ends();
    ledger.free(first, input, original, counts, ...rotary);
  }

  /** `calibrateDense`, then `sliceWithBases`. */
  rotateOnce(): void {
    const { ledger, shape, run, job, D } = this;
    const counts = ledger.holdIds('other', 64);
    const states = new PlannedStates(ledger, job.stateBudgetBytes);
    this.embed(states);
    const dense = () => ({ input: D, middle: D, output: D, shortcuts: false });
    const sites = shape.parallel ? 1 : 2;
    let pending: Held[][] = [];
    planLayers(ledger, run, job.windows, job.batches, states, dense, {
      onTaps: (half) => {
        if (pending.length === 0) for (let i = 0; i < (half ? 1 : sites); i++) pending.push(this.sum());
        if (shape.layer_norm) ledger.workspace('centred_states', job.batches[0] * D);
        this.addToSum(job.batches[0]);
      },
      onPart: () => {
        ledger.freeWorkspace();
        this.spilledBytes = Math.max(this.spilledBytes, states.spilledBytes);
        const waiting = pending;
        pending = [];
        for (const sum of waiting) {
          this.take(sum);
          const Q = this.principalBasis();
          ledger.read(D * D);
          ledger.free(Q);
        }
      },
    });
    states.clear();
    ledger.free(counts);
    this.sliceWithBases();
  }

  private sliceWithBases(): void {
    const { ledger, shape, job } = this;
    const original = this.matrix();
    const first = this.matrix();
    if (job.head === 'tied-sliced') {
      this.tableGram();
      ledger.free(this.principalBasis());
    }
    let input = first;
    for (const layer of plannedLayers(shape.num_hidden_layers, job.layerDimensions)) {
      const d = job.layerDimensions(layer);
      const output = this.matrix();
      const middle = shape.parallel ? undefined : this.matrix();
      this.storeAttention(this.rotateAttention(layer), d);
      this.storeMlp(this.rotateMlp(layer, false), d);
      ledger.free(middle, input === first ? undefined : input);
      input = output;
    }
    this.ends();
    ledger.free(first, input, original);
  }

  private embed(states: PlannedStates, onBatch: (rows: number) => void = () => {}): void {
    const { ledger, run, job, D } = this;
    const table = { columns: D, output: D, seqlen: job.windows.seqlen };
    planEmbedding(ledger, run, job.batches, table, (x, i, elements) => {
      onBatch(elements / D);
      states.put(i, x, elements);
    });
    this.spilledBytes = Math.max(this.spilledBytes, states.spilledBytes);
  }

  /** The table's Gram for `tied-sliced`. */
  private tableGram(): void {
    if (this.job.head !== 'tied-sliced') return;
    const { ledger, D } = this;
    const sum = this.sum();
    ledger.free(ledger.load('head', this.blockRows() * D));
    this.take(sum);
  }

  /** The covariance comes from the host, where it was put together. */
  private principalBasis(): Held {
    const { ledger, D } = this;
    const covariance = this.matrix();
    const workspace = ledger.holdBytes('matrices', ledger.costs.eighBytes(D));
    const Q = this.matrix();
    ledger.free(workspace, covariance);
    ledger.read(D * D);
    return Q;
  }

  private layer(layer: number, states: PlannedStates, original: Held): Held {
    const { ledger, fused, job, D } = this;
    const d = job.layerDimensions(layer);
    const attention = this.rotateAttention(layer);
    const middleSum = this.sum();
    this.eachBatch(states, d.input, (rows) => planAttentionWorkspace(ledger, fused, rows, d.input, D));
    this.take(middleSum);
    const middle = this.principalBasis();
    this.storeAttention(attention, d);
    const mlp = this.rotateMlp(layer, true);
    let output = original;
    if (!this.endsInOriginal(layer)) {
      const sum = this.sum();
      this.eachBatch(states, d.middle, (rows) => planMlpWorkspace(ledger, fused, rows, d.middle, D));
      this.take(sum);
      output = this.principalBasis();
    }
    this.storeMlp(mlp, d);
    ledger.free(middle);
    return output;
  }

  private parallelLayer(layer: number, states: PlannedStates, original: Held): Held {
    const { ledger, fused, job, D } = this;
    const d = job.layerDimensions(layer);
    const attention = this.rotateAttention(layer);
    const mlp = this.rotateMlp(layer, false);
    let output = original;
    if (!this.endsInOriginal(layer)) {
      const sum = this.sum();
      this.eachBatch(states, d.input, (rows) => {
        planAttentionWorkspace(ledger, fused, rows, d.input, D);
        planMlpWorkspace(ledger, fused, rows, d.input, D);
      });
      this.take(sum);
      output = this.principalBasis();
    }
    this.storeAttention(attention, d);
    this.storeMlp(mlp, d);
    return output;
  }

  private eachBatch(states: PlannedStates, columns: number, run: (rows: number) => void): void {
    const { ledger, job, D } = this;
    for (const [i, rows] of job.batches.entries()) {
      const original = states.take(i, rows * D);
      const x = ledger.hold('activations', rows * columns);
      ledger.free(original);
      run(rows);
      const output = planResidual(ledger, x, rows * D, true);
      this.addToSum(rows);
      states.put(i, output, rows * D);
      ledger.sync();
    }
    this.spilledBytes = Math.max(this.spilledBytes, states.spilledBytes);
  }

  /** Loads an attention half and rotates its inputs. */
  private rotateAttention(layer: number): Held[] {
    const { ledger, shape, run, job, D } = this;
    const d = job.layerDimensions(layer);
    const dense = { input: D, middle: D, output: D, shortcuts: false };
    const loaded = planAttentionWeights(ledger, run, dense);
    const readers = [shape.query_size, shape.key_value_size, shape.key_value_size];
    const rotated = readers.map((rows) => this.rotateInput(loaded, rows, d.input));
    const shortcut = ledger.hold('matrices', d.input * D);
    const o_proj = loaded.reduce((largest, held) => (held.bytes > largest.bytes ? held : largest));
    ledger.free(...loaded.filter((held) => held !== o_proj));
    return [...rotated, o_proj, shortcut];
  }

  private rotateMlp(layer: number, hasShortcut: boolean): Held[] {
    const { ledger, shape, run, job, D } = this;
    const { intermediate_size: F, gated, parallel } = shape;
    const d = job.layerDimensions(layer);
    const columns = parallel ? d.input : d.middle;
    const biases = (size: number) => (run.biased ? [ledger.load('weights', size)] : []);
    const norm = run.norm_weights ? [ledger.load('weights', D), ...biases(D)] : [];
    const rotated = (gated ? [F, F] : [F]).flatMap((rows) => {
      const loaded = [ledger.load('weights', rows * D)];
      return [this.rotateInput(loaded, rows, columns), ...biases(rows)];
    });
    ledger.free(...norm);
    const output = [ledger.load('weights', F * D), ...biases(D)];
    const inputs = rotated.filter(({ bytes }) => bytes === ledger.costs.floats(F * columns));
    const others = rotated.filter((held) => !inputs.includes(held));
    return [...inputs, ...output, ...(hasShortcut ? [ledger.hold('matrices', d.middle * D)] : []), ...others];
  }

  /** One of the loaded weights, which is freed. */
  private rotateInput(loaded: Held[], rows: number, columns: number): Held {
    const { ledger, D } = this;
    const rotated = ledger.hold('weights', rows * columns);
    ledger.free(ledger.hold('weights', rows * D));
    const at = loaded.findIndex(({ bytes }) => bytes === ledger.costs.floats(rows * D));
    if (at >= 0) ledger.free(...loaded.splice(at, 1));
    return rotated;
  }

  /** The rotated output, the shortcut, and each weight's read-back. */
  private storeAttention(weights: Held[], d: LayerDimensions): void {
    const { shape } = this;
    const output = shape.parallel ? d.output : d.middle;
    const inputs = [shape.query_size, shape.key_value_size, shape.key_value_size].map((rows) => rows * d.input);
    this.storePart(weights, inputs, output * shape.query_size, d.input * output);
  }

  private storeMlp(weights: Held[], d: LayerDimensions): void {
    const { intermediate_size: F, gated, parallel } = this.shape;
    const inputs = (gated ? [F, F] : [F]).map((rows) => rows * (parallel ? d.input : d.middle));
    this.storePart(weights, inputs, d.output * F, parallel ? 0 : d.middle * d.output);
  }

  /** @param weights The rotated inputs first, then what is freed at the end. */
  private storePart(weights: Held[], inputs: readonly number[], output: number, shortcut: number): void {
    const { ledger } = this;
    const rotated = ledger.hold('weights', output);
    const Q = shortcut > 0 ? ledger.hold('matrices', shortcut) : undefined;
    for (const [i, elements] of inputs.entries()) {
      ledger.read(elements);
      ledger.free(weights[i]);
    }
    ledger.read(output);
    ledger.free(rotated, ...weights.slice(inputs.length));
    if (shortcut > 0) ledger.read(shortcut);
    ledger.free(Q);
  }

  /** `storeEnds`. */
  private ends(): void {
    const { ledger, shape, job, D } = this;
    const first = job.dimensions[0];
    const last = job.dimensions[job.dimensions.length - 1];
    const norm = ledger.load('head', D);
    const counts = ledger.holdIds('other', 64);
    if (shape.position_rows > 0)
      this.block(Math.min(shape.position_rows, tableBlockRows(D, job.windows.maxTensorBytes)), first, false);
    if (job.head === 'tied') {
      ledger.read(D * D);
      this.putMatrix(D * first);
    } else {
      this.block(this.blockRows(), first, false);
      if (job.head === 'tied-sliced') {
        ledger.read(D * D);
        this.putMatrix(D * first);
      } else this.block(this.blockRows(), last, shape.final_norm.weight);
    }
    ledger.free(norm, counts);
  }

  private block(rows: number, columns: number, isScaled: boolean): void {
    const { ledger, D } = this;
    const loaded = ledger.load('head', rows * D);
    const rotated = ledger.hold('head', rows * columns);
    if (isScaled) ledger.free(ledger.hold('head', rows * D));
    ledger.free(loaded);
    ledger.read(rows * columns);
    ledger.free(rotated);
  }

  private putMatrix(elements: number): void {
    const held = this.ledger.hold('matrices', elements);
    this.ledger.read(elements);
    this.ledger.free(held);
  }

  private blockRows(): number {
    return Math.min(this.shape.vocab_size, tableBlockRows(this.D, this.job.windows.maxTensorBytes));
  }

  private endsInOriginal(layer: number): boolean {
    const { head } = this.job;
    return layer === this.shape.num_hidden_layers - 1 && (head === 'tied' || head === 'tied-sliced');
  }

  private matrix(): Held {
    return this.ledger.hold('matrices', this.D * this.D);
  }

  /** A sum of states: its high part and, where it is f32, its low part. */
  private sum(): Held[] {
    const { ledger, D } = this;
    const high = ledger.holdBytes('matrices', ledger.costs.gramBytes(D));
    return ledger.costs.sumsInSingle ? [high, this.matrix()] : [high];
  }

  /**
   * Adding a batch to a sum that leaves the dominant directions out (`DeflatedGram`). Whether there are any is known only
   * once the model has run.
   */
  private addToSum(rows: number): void {
    const { ledger, D } = this;
    if (!ledger.costs.sumsInSingle) return;
    const small = [rows, rows, D, D, D, D].map((lines) => ledger.hold('matrices', lines * DIRECTIONS));
    ledger.free(...small, ledger.hold('activations', rows * D), ledger.hold('activations', rows * D));
  }

  /** Reads a sum, which is freed. */
  private take(sum: readonly Held[]): void {
    const { ledger, D } = this;
    ledger.freeWorkspace();
    ledger.read(64);
    for (const part of sum) {
      ledger.read(D * D);
      ledger.free(part);
    }
  }
}
