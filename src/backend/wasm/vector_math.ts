/**
 * @file exp and what is made of it, four f32 lanes at a time: JavaScript's `Math.exp` takes 5–10 ns an element, which
 * would be as much as a tenth of a forward pass.
 */
import {
  advance,
  assemble,
  I32,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  shuffle,
  simd,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { exponential, F32X4_ADD, F32X4_MUL, F32X4_SUB, f32s } from './vector_exp.ts';

/** Elements that are worked on at once. */
const CHUNK = 4096;
/** Addresses in bytes: a pair of f64 sums, the shift, then three chunks. */
const [SUM_AT, SHIFT_AT, X_AT, Y_AT, Z_AT] = [0, 16, 32, 32 + 4 * CHUNK, 32 + 8 * CHUNK];

const F32X4_DIV = simd(0xe7);
const F32X4_NEG = simd(0xe1);
const F64X2_ADD = simd(0xf0);
const F64X2_PROMOTE_LOW = simd(0x5f);
const loadSplat = [...simd(0x09), 2, 0];

/** Parameters: number of elements, rounded up to whole vectors by the loop. */
function expAndSum(): WasmFunction {
  const [end, at, x, n, y, shift, sum] = [0, 1, 2, 3, 4, 5, 6];
  const high = shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
  const code = [
    ...[...i32Const(0), ...localSet(at), ...v128Zero, ...localSet(sum)],
    ...[...i32Const(SHIFT_AT), ...loadSplat, ...localSet(shift)],
    ...loopBelow(at, i32Const(16), end, [
      ...[...localGet(at), ...v128Load(X_AT), ...localGet(shift), ...F32X4_SUB, ...localSet(x)],
      ...exponential(x, n, y),
      ...[...localGet(at), ...localGet(x), ...v128Store(X_AT)],
      ...[...localGet(sum), ...localGet(x), ...F64X2_PROMOTE_LOW, ...F64X2_ADD],
      ...[...localGet(x), ...localGet(x), ...high, ...F64X2_PROMOTE_LOW, ...F64X2_ADD, ...localSet(sum)],
    ]),
    ...[...i32Const(SUM_AT), ...localGet(sum), ...v128Store()],
  ];
  return {
    name: 'exp_and_sum',
    parameters: 1,
    locals: [
      [1, I32],
      [5, V128],
    ],
    code,
  };
}

/** y ← x/(1 + exp(−x)) · y, from addresses x and y on while x is below `end`. */
export function gatedSilu(): WasmFunction {
  const [x_at, end, y_at, e, n, poly, x] = [0, 1, 2, 3, 4, 5, 6];
  const code = loopBelow(x_at, i32Const(16), end, [
    ...[...localGet(x_at), ...v128Load(), ...localSet(x), ...localGet(x), ...F32X4_NEG, ...localSet(e)],
    ...exponential(e, n, poly),
    ...[...localGet(y_at), ...localGet(x), ...localGet(e), ...f32s(1), ...F32X4_ADD, ...F32X4_DIV],
    ...[...localGet(y_at), ...v128Load(), ...F32X4_MUL, ...v128Store()],
    ...advance(y_at, i32Const(16)),
  ]);
  return { name: 'gated_silu', parameters: 3, locals: [[4, V128]], code };
}

/**
 * Of silu(x)·u, by its gradient d, from addresses x, u and d on while x is below `end`: with s = 1/(1 + exp(−x)),
 * x ← d·u·s·(1 + x·(1 − s)) and d ← d·x·s. Other elements of u stay as they are.
 */
function gatedSiluBackward(): WasmFunction {
  const [x_at, end, u_at, d_at, e, n, poly, x, d] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const s = e;
  const code = loopBelow(x_at, i32Const(16), end, [
    ...[...localGet(x_at), ...v128Load(), ...localSet(x), ...localGet(x), ...F32X4_NEG, ...localSet(e)],
    ...exponential(e, n, poly),
    ...[...f32s(1), ...localGet(e), ...f32s(1), ...F32X4_ADD, ...F32X4_DIV, ...localSet(s)],
    // d·s is a factor of both.
    ...[...localGet(d_at), ...v128Load(), ...localGet(s), ...F32X4_MUL, ...localSet(d)],
    ...[...localGet(x_at), ...f32s(1), ...localGet(s), ...F32X4_SUB, ...localGet(x), ...F32X4_MUL],
    ...[...f32s(1), ...F32X4_ADD, ...localGet(u_at), ...v128Load(), ...F32X4_MUL, ...localGet(d), ...F32X4_MUL],
    ...v128Store(),
    ...[...localGet(d_at), ...localGet(d), ...localGet(x), ...F32X4_MUL, ...v128Store()],
    ...[...advance(u_at, i32Const(16)), ...advance(d_at, i32Const(16))],
  ]);
  return { name: 'gated_silu_backward', parameters: 4, locals: [[5, V128]], code };
}

interface Exports {
  /** @param bytes Of whole vectors. */
  exp_and_sum(bytes: number): void;
  gated_silu(x: number, end: number, y: number): void;
  gated_silu_backward(x: number, end: number, u: number, d: number): void;
}

/** As `glu_backward` has them. */
interface GatedGradients {
  gate: Float32Array;
  up: Float32Array;
  grad_output: Float32Array;
  grad_gate: Float32Array;
  grad_up: Float32Array;
}

export class VectorMath {
  private readonly exports: Exports;
  private readonly shift: Float32Array;
  private readonly sums: Float64Array;
  private readonly x: Float32Array;
  private readonly y: Float32Array;
  private readonly z: Float32Array;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const module = new WebAssembly.Module(assemble([expAndSum(), gatedSilu(), gatedSiluBackward()]));
    this.exports = new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as Exports;
    this.sums = new Float64Array(memory.buffer, SUM_AT, 2);
    this.shift = new Float32Array(memory.buffer, SHIFT_AT, 1);
    this.x = new Float32Array(memory.buffer, X_AT, CHUNK);
    this.y = new Float32Array(memory.buffer, Y_AT, CHUNK);
    this.z = new Float32Array(memory.buffer, Z_AT, CHUNK);
  }

  /** Σ exp(values[i] − shift) over `start … end`, in f64; with `keeps` the terms take the places of the values. */
  expSum(values: Float32Array, start: number, end: number, shift: number, keeps: boolean): number {
    const { x, sums } = this;
    this.shift[0] = shift;
    let total = 0;
    for (let at = start; at < end; at += CHUNK) {
      const count = Math.min(CHUNK, end - at);
      x.set(values.subarray(at, at + count));
      // exp(−∞) of what fills the last vector is 1e-38: nothing beside a sum that is at least 1.
      if (count % 4 !== 0) x.fill(Number.NEGATIVE_INFINITY, count, count + 4 - (count % 4));
      this.exports.exp_and_sum(4 * count);
      total += sums[0] + sums[1];
      if (keeps) values.set(x.subarray(0, count), at);
    }
    return total;
  }

  /** output[i] = silu(gate[i]) · up[i] over `start … end`. */
  gatedSilu(gate: Float32Array, up: Float32Array, output: Float32Array, start: number, end: number): void {
    const { x, y } = this;
    for (let at = start; at < end; at += CHUNK) {
      const count = Math.min(CHUNK, end - at);
      x.set(gate.subarray(at, at + count));
      y.set(up.subarray(at, at + count));
      this.exports.gated_silu(X_AT, X_AT + 4 * count, Y_AT);
      output.set(y.subarray(0, count), at);
    }
  }

  /** Of silu(gate) ⊙ up over `start … end`. */
  gatedSiluBackward({ gate, up, grad_output, grad_gate, grad_up }: GatedGradients, start: number, end: number): void {
    const { x, y, z } = this;
    for (let at = start; at < end; at += CHUNK) {
      const count = Math.min(CHUNK, end - at);
      x.set(gate.subarray(at, at + count));
      y.set(up.subarray(at, at + count));
      z.set(grad_output.subarray(at, at + count));
      this.exports.gated_silu_backward(X_AT, X_AT + 4 * count, Y_AT, Z_AT);
      grad_gate.set(x.subarray(0, count), at);
      grad_up.set(z.subarray(0, count), at);
    }
  }
}
