/**
 * @file Norms of rows and the gradient of a softmax, four f32 lanes at a time, sums in f64. JavaScript's loops take some 8 ns an element
 * of shared memory: a fifteenth of a training step.
 */
import type { RmsNormBackwardRows } from '../cpu/rms_norm_backward.ts';
import type { RmsScaleRows } from '../cpu/rms_scale.ts';
import { type RotaryRows, turnRows } from '../cpu/rotary.ts';
import { assemble, memoryKind } from '../linalg/wasm_module.ts';
import type { Singles } from './losses.ts';
import { combination, dot, product, scaledRow, scoreGradients, turnedHeads } from './row_functions.ts';
import { type Staging, stretch } from './staging.ts';

/** Addresses are in bytes, `end` that of the vector behind the last; `place` is the address of a {@link Staging}. */
interface Exports {
  dot(x: number, end: number, y: number, place: number): void;
  scaled_row(x: number, end: number, w: number, out: number, place: number): void;
  product(x: number, end: number, y: number, out: number): void;
  combination(x: number, end: number, y: number, out: number, place: number): void;
  add_combination(x: number, end: number, y: number, out: number, place: number): void;
  turned_heads(x: number, heads: number, head_bytes: number, half_bytes: number, cos: number, sin: number): void;
  score_gradients(x: number, end: number, y: number, place: number): void;
}

const functions = () => [
  ...[dot(), scaledRow(), product(), combination(false), combination(true), scoreGradients(), turnedHeads()],
];

/** The slot of weighted gradients; those before it hold operands. */
const [WEIGHTED, OUTPUT] = [3, 4];

export class RowMath {
  private readonly exports: Exports;

  constructor(private readonly staging: Staging) {
    const { memory } = staging;
    const module = new WebAssembly.Module(assemble(functions(), memoryKind(memory)));
    this.exports = new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as Exports;
  }

  /** Σ a[a_at + i] · b[b_at + i] over so many elements, in f64. */
  dot(a: Float32Array, a_at: number, b: Float32Array, b_at: number, elements: number): number {
    const { staging } = this;
    let total = 0;
    for (let i = 0, count = 0; i < elements; i += count) {
      count = stretch(i, elements);
      const x = staging.source(a, a_at + i, count, 0);
      total += this.dotAt(x, count, staging.source(b, b_at + i, count, 1));
    }
    return total;
  }

  /** 1/√(Σx²/normalized_size + eps) of a row. */
  rmsScale({ hidden_states, d, normalized_size, eps }: Singles<RmsScaleRows>, row: number): number {
    return 1 / Math.sqrt(this.dot(hidden_states, row * d, hidden_states, row * d, d) / normalized_size + eps);
  }

  /** output = x · factor ⊙ weight over the `d` elements of a row; without a weight it is all ones. */
  scaledRow(
    x: Float32Array,
    weight: Float32Array | undefined,
    output: Float32Array,
    row: number,
    d: number,
    factor: number,
  ): void {
    const { staging, exports } = this;
    staging.numbers[0] = factor;
    staging.numbers[1] = 0;
    for (let i = 0, count = 0; i < d; i += count) {
      count = stretch(i, d);
      const at = row * d + i;
      const from = staging.source(x, at, count, 0);
      const out = staging.target(output, at, count, OUTPUT);
      const end = from + 4 * count;
      if (weight) exports.scaled_row(from, end, staging.source(weight, i, count, 1), out, staging.address);
      else exports.combination(from, end, from, out, staging.address);
      staging.written(output, at, count, OUTPUT);
    }
  }

  /** As the f64 twin has it, of rows `start … end`: by vectors where halves of heads are turned that lie in the memory. */
  turn(task: RotaryRows, start: number, end: number): void {
    const { states, cos, sin, seqlen, heads, head_dim, row_stride, half, step } = task;
    const at = [states, cos, sin].map((values) =>
      values instanceof Float32Array ? this.staging.inPlace(values, 0) : undefined,
    );
    const [first, cos_at, sin_at] = at;
    if (first === undefined || cos_at === undefined || sin_at === undefined || step !== 1 || half % 4 !== 0) {
      turnRows(task, start, end);
      return;
    }
    for (let row = start; row < end; row++) {
      const angles = 4 * (row % seqlen) * half;
      const [x, c, s] = [first + 4 * row * row_stride, cos_at + angles, sin_at + angles];
      this.exports.turned_heads(x, heads, 4 * head_dim, 4 * half, c, s);
    }
  }

  /** As the f64 twin has it, of one row. */
  rmsNormBackward(task: Singles<RmsNormBackwardRows>, row: number): void {
    const { staging, exports } = this;
    const { hidden_states, grad_input, d, normalized_size, eps, accumulate } = task;
    let [squares, along] = [0, 0];
    for (let i = 0, count = 0; i < d; i += count) {
      count = stretch(i, d);
      const gradient = this.weighted(task, row, i, count);
      const x = staging.source(hidden_states, row * d + i, count, 0);
      squares += this.dotAt(x, count, x);
      along += this.dotAt(x, count, gradient);
    }
    const scale = 1 / Math.sqrt(squares / normalized_size + eps);
    staging.numbers[0] = scale;
    staging.numbers[1] = (along * scale * scale * scale) / normalized_size;
    const run = accumulate ? exports.add_combination : exports.combination;
    for (let i = 0, count = 0; i < d; i += count) {
      count = stretch(i, d);
      const at = row * d + i;
      const gradient = this.weighted(task, row, i, count);
      const x = staging.source(hidden_states, at, count, 0);
      const out = accumulate
        ? staging.source(grad_input, at, count, OUTPUT)
        : staging.target(grad_input, at, count, OUTPUT);
      run(gradient, gradient + 4 * count, x, out, staging.address);
      staging.written(grad_input, at, count, OUTPUT);
    }
  }

  /** gradients[i] ← p[i] · (gradients[i] − shift) · factor over `start … end`. */
  scoreGradients(
    p: Float32Array,
    gradients: Float32Array,
    start: number,
    end: number,
    shift: number,
    factor: number,
  ): void {
    const { staging, exports } = this;
    staging.numbers[0] = shift;
    staging.numbers[1] = factor;
    for (let at = start, count = 0; at < end; at += count) {
      count = stretch(at, end);
      const x = staging.source(p, at, count, 0);
      exports.score_gradients(x, x + 4 * count, staging.source(gradients, at, count, 1), staging.address);
      staging.written(gradients, at, count, 1);
    }
  }

  /** Address of γ ⊙ grad_output over a stretch of a row. */
  private weighted(
    { grad_output, weight, d }: Singles<RmsNormBackwardRows>,
    row: number,
    i: number,
    count: number,
  ): number {
    const { staging, exports } = this;
    const gradient = staging.source(grad_output, row * d + i, count, 1);
    if (!weight) return gradient;
    const out = staging.slot(WEIGHTED);
    exports.product(gradient, gradient + 4 * count, staging.source(weight, i, count, 2), out);
    return out;
  }

  private dotAt(x: number, count: number, y: number): number {
    const { staging, exports } = this;
    exports.dot(x, x + 4 * count, y, staging.address);
    return staging.sums[0] + staging.sums[1];
  }
}
