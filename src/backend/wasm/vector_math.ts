/**
 * @file exp and what is made of it, four f32 lanes at a time: JavaScript's `Math.exp` takes 5–10 ns an element, which would be as much
 * as a tenth of a forward pass.
 */
import { zeroing } from '../linalg/tile_kernel.ts';
import { assemble, memoryKind } from '../linalg/wasm_module.ts';
import { expSum, largest, scaledExp } from './exp_functions.ts';
import { gatedSilu, gatedSiluBackward } from './gate_functions.ts';
import { softmaxRows } from './softmax_rows.ts';
import { MOST_STAGED, type Staging, stretch } from './staging.ts';

/** Addresses are in bytes, `end` that of the vector behind the last; `place` is the address of a {@link Staging}. */
interface Exports {
  exp_sum(x: number, end: number, place: number): void;
  exp_sum_kept(x: number, end: number, place: number): void;
  scaled_exp(x: number, end: number, place: number): void;
  softmax_rows(x: number, stride: number, rows: number, bytes: number, all: number, place: number): void;
  largest(x: number, end: number, place: number): void;
  zero(target: number, bytes: number): void;
  gated_silu(x: number, end: number, y: number, out: number): void;
  gated_silu_backward(x: number, end: number, u: number, d: number, dx: number, du: number): void;
}

/** As `glu_backward` has them. */
interface GatedGradients {
  gate: Float32Array;
  up: Float32Array;
  grad_output: Float32Array;
  grad_gate: Float32Array;
  grad_up: Float32Array;
}

/** Values of a row that {@link VectorMath.softmax} takes at once. */
export const MOST_SOFTMAX = MOST_STAGED;

const functions = () => [
  ...[expSum(false), expSum(true), scaledExp(), softmaxRows(), largest()],
  ...[gatedSilu(), gatedSiluBackward(), zeroing()],
];

export class VectorMath {
  private readonly exports: Exports;

  constructor(private readonly staging: Staging) {
    const { memory } = staging;
    const module = new WebAssembly.Module(assemble(functions(), memoryKind(memory)));
    this.exports = new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as Exports;
  }

  /** Σ exp(values[i] − shift) over `start … end`, in f64; with `keeps` the terms take the places of the values. */
  expSum(values: Float32Array, start: number, end: number, shift: number, keeps: boolean): number {
    const { staging, exports } = this;
    const run = keeps ? exports.exp_sum_kept : exports.exp_sum;
    staging.numbers[0] = shift;
    let total = 0;
    for (let at = start, count = 0; at < end; at += count) {
      count = stretch(at, end);
      // exp(−∞) of what fills the last vector is 1e-38: nothing beside a sum that is at least 1.
      const x = staging.source(values, at, count, 0, Number.NEGATIVE_INFINITY);
      run(x, x + 4 * count, staging.address);
      total += staging.sums[0] + staging.sums[1];
      if (keeps) staging.written(values, at, count, 0);
    }
    return total;
  }

  /** values[i] ← exp(values[i] − shift) · factor over `start … end`. */
  scaledExp(values: Float32Array, start: number, end: number, shift: number, factor: number): void {
    const { staging, exports } = this;
    staging.numbers[0] = shift;
    staging.numbers[1] = factor;
    for (let at = start, count = 0; at < end; at += count) {
      count = stretch(at, end);
      const x = staging.source(values, at, count, 0);
      exports.scaled_exp(x, x + 4 * count, staging.address);
      staging.written(values, at, count, 0);
    }
  }

  /** Of values `start … end`, at least one; NaN where one of them is. */
  largest(values: Float32Array, start: number, end: number): number {
    const { staging, exports } = this;
    let most = Number.NEGATIVE_INFINITY;
    for (let at = start, count = 0; at < end; at += count) {
      count = stretch(at, end);
      const x = staging.source(values, at, count, 0, Number.NEGATIVE_INFINITY);
      exports.largest(x, x + 4 * count, staging.address);
      const [a, b, c, d] = staging.lanes;
      most = Math.max(most, a, b, c, d);
    }
    return most;
  }

  /**
   * Values `start … end` become softmax(scale · values), for a positive scale. Behind the last of them the vector that it is in becomes
   * 0.
   * @param end At most {@link MOST_SOFTMAX} from `start`.
   */
  softmax(values: Float32Array, start: number, end: number, scale: number): void {
    const { staging, exports } = this;
    const whole = 4 * Math.ceil((end - start) / 4);
    staging.numbers[0] = scale;
    const x = staging.source(values, start, whole, 0);
    exports.softmax_rows(x, 0, 1, 4 * (end - start), 4 * whole, staging.address);
    staging.written(values, start, whole, 0);
  }

  /**
   * Rows of `keys` values, `stride` apart, become causal softmax(scale · values), for a positive scale: of the first its first `seen`
   * values, of each other one more; the rest becomes 0, up to the end of a vector.
   * @returns False where the values do not lie in the memory, and nothing is done.
   */
  causalSoftmax(
    values: Float32Array,
    { rows, keys, stride, seen }: { rows: number; keys: number; stride: number; seen: number },
    scale: number,
  ): boolean {
    const { staging, exports } = this;
    const x = staging.inPlace(values, 0);
    if (x === undefined) return false;
    staging.numbers[0] = scale;
    exports.softmax_rows(x, 4 * stride, rows, 4 * seen, 4 * keys, staging.address);
    return true;
  }

  /** Values `start … end` become 0. */
  zero(values: Float32Array, start: number, end: number): void {
    if (start >= end) return;
    const at = this.staging.inPlace(values, start);
    if (at === undefined) values.fill(0, start, end);
    else this.exports.zero(at, 4 * (end - start));
  }

  /** output[i] = silu(gate[i]) · up[i] over `start … end`. */
  gatedSilu(gate: Float32Array, up: Float32Array, output: Float32Array, start: number, end: number): void {
    const { staging, exports } = this;
    for (let at = start, count = 0; at < end; at += count) {
      count = stretch(at, end);
      const x = staging.source(gate, at, count, 0);
      const y = staging.source(up, at, count, 1);
      exports.gated_silu(x, x + 4 * count, y, staging.target(output, at, count, 2));
      staging.written(output, at, count, 2);
    }
  }

  /** Of silu(gate) ⊙ up over `start … end`. */
  gatedSiluBackward({ gate, up, grad_output, grad_gate, grad_up }: GatedGradients, start: number, end: number): void {
    const { staging, exports } = this;
    for (let at = start, count = 0; at < end; at += count) {
      count = stretch(at, end);
      const x = staging.source(gate, at, count, 0);
      const u = staging.source(up, at, count, 1);
      const d = staging.source(grad_output, at, count, 2);
      const [dx, du] = [staging.target(grad_gate, at, count, 3), staging.target(grad_up, at, count, 4)];
      exports.gated_silu_backward(x, x + 4 * count, u, d, dx, du);
      staging.written(grad_gate, at, count, 3);
      staging.written(grad_up, at, count, 4);
    }
  }
}
