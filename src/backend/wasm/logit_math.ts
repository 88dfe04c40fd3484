/**
 * @file Rows of logits, four f32 lanes at a time: the sums that give the divergence of two heads. In
 * JavaScript the two exponentials of each pair of logits took as long as a head's product.
 */
import {
  F32X4_DEMOTE_ZERO,
  F64X2_ADD,
  F64X2_MUL,
  F64X2_PROMOTE_LOW,
  F64X2_SUB,
  folded,
  highHalf,
  lowThenHigh,
} from '../linalg/f64_lanes.ts';
import {
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
import { exponential, F32X4_ADD, F32X4_MIN, F32X4_MUL, F32X4_SUB, f32s } from './vector_exp.ts';

/** Elements that are worked on at once. */
const CHUNK = 4096;
/** Addresses in bytes: a result, the shift twice, the maximum four times, then two chunks. */
const [RESULT_AT, SHIFT_AT, MAXIMUM_AT, X_AT, Y_AT] = [0, 16, 32, 48, 48 + 4 * CHUNK];

const F32X4_ABS = simd(0xe0);
const F32X4_LE = simd(0x45);
const SELECT = simd(0x52);
const lowOfBoth = shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);

/** Up to here eᵈ − 1 − d is taken from its series: the difference would leave few digits. Its terms beyond d⁸ are below f32's. */
const SMALL = 0.5;
const SERIES = [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2];
/** Above this exp would be infinite in f32; a divergence with such a term is not taken from these sums. */
const LARGEST_EXPONENT = 80;

/** The low or the high half of a local's four lanes, in f64. */
const wide = (local: number, isHigh: boolean) => [
  ...localGet(local),
  ...(isHigh ? [...localGet(local), ...highHalf] : []),
  ...F64X2_PROMOTE_LOW,
];

/** With d = y − x − shift and w = exp(x − maximum): Σ w·d and Σ w·(eᵈ − 1 − d), the two numbers of the result. */
function divergence(): WasmFunction {
  const [bytes, at] = [0, 1];
  const [x, y, d, low, high, w, e, n, poly, series, moved, excess] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
  const at_fixed = (address: number) => [...i32Const(address), ...v128Load()];
  const difference = (isHigh: boolean) => [
    ...[...wide(y, isHigh), ...wide(x, isHigh), ...F64X2_SUB, ...at_fixed(SHIFT_AT), ...F64X2_SUB],
  ];
  const add = (sum: number, terms: readonly number[]) => [...localGet(sum), ...terms, ...F64X2_ADD, ...localSet(sum)];
  const [first, ...others] = SERIES;
  const code = [
    ...[...i32Const(0), ...localSet(at), ...v128Zero, ...localSet(moved), ...v128Zero, ...localSet(excess)],
    ...loopBelow(at, i32Const(16), bytes, [
      ...[...localGet(at), ...v128Load(X_AT), ...localSet(x), ...localGet(at), ...v128Load(Y_AT), ...localSet(y)],
      // In f64, as logits far from zero have few digits behind the point.
      ...[...difference(false), ...localSet(low), ...difference(true), ...localSet(high)],
      ...[
        ...localGet(low),
        ...F32X4_DEMOTE_ZERO,
        ...localGet(high),
        ...F32X4_DEMOTE_ZERO,
        ...lowOfBoth,
        ...localSet(d),
      ],
      ...[...localGet(x), ...at_fixed(MAXIMUM_AT), ...F32X4_SUB, ...localSet(w)],
      ...[...localGet(w), ...localGet(d), ...F32X4_ADD, ...f32s(LARGEST_EXPONENT), ...F32X4_MIN, ...localSet(e)],
      ...[...exponential(w, n, poly), ...exponential(e, n, poly)],
      ...add(moved, [...wide(w, false), ...localGet(low), ...F64X2_MUL]),
      ...add(moved, [...wide(w, true), ...localGet(high), ...F64X2_MUL]),
      ...[...f32s(first), ...localSet(series)],
      ...others.flatMap((coefficient) => [
        ...[...localGet(series), ...localGet(d), ...F32X4_MUL, ...f32s(coefficient), ...F32X4_ADD, ...localSet(series)],
      ]),
      ...[...localGet(d), ...localGet(d), ...F32X4_MUL, ...localGet(series), ...F32X4_MUL],
      ...[...localGet(w), ...F32X4_MUL],
      ...[...localGet(e), ...localGet(w), ...F32X4_SUB, ...localGet(w), ...localGet(d), ...F32X4_MUL, ...F32X4_SUB],
      ...[...localGet(d), ...F32X4_ABS, ...f32s(SMALL), ...F32X4_LE, ...SELECT, ...localSet(series)],
      ...[...add(excess, wide(series, false)), ...add(excess, wide(series, true))],
    ]),
    ...[...i32Const(RESULT_AT), ...folded(moved), ...folded(excess), ...lowThenHigh, ...v128Store()],
  ];
  const locals: WasmFunction['locals'] = [
    [1, I32],
    [12, V128],
  ];
  return { name: 'divergence', parameters: 1, locals, code };
}

interface Exports {
  /** @param bytes Of whole vectors, at least one. */
  divergence(bytes: number): void;
}

export class LogitMath {
  private readonly exports: Exports;
  private readonly two: Float64Array;
  private readonly shift: Float64Array;
  private readonly maximum: Float32Array;
  private readonly x: Float32Array;
  private readonly y: Float32Array;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const module = new WebAssembly.Module(assemble([divergence()]));
    this.exports = new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as Exports;
    const { buffer } = memory;
    this.two = new Float64Array(buffer, RESULT_AT, 2);
    this.shift = new Float64Array(buffer, SHIFT_AT, 2);
    this.maximum = new Float32Array(buffer, MAXIMUM_AT, 4);
    this.x = new Float32Array(buffer, X_AT, CHUNK);
    this.y = new Float32Array(buffer, Y_AT, CHUNK);
  }

  /** Over `start … end`: Σ w·d and Σ w·(eᵈ − 1 − d), with w = exp(dense − maximum) and d = own − dense − shift. */
  divergence(
    dense: Float32Array,
    own: Float32Array,
    start: number,
    end: number,
    maximum: number,
    shift: number,
  ): { moved: number; excess: number } {
    const { x, y, two } = this;
    this.maximum.fill(maximum);
    this.shift.fill(shift);
    let [moved, excess] = [0, 0];
    for (let at = start; at < end; at += CHUNK) {
      const count = Math.min(CHUNK, end - at);
      x.set(dense.subarray(at, at + count));
      y.set(own.subarray(at, at + count));
      // What fills the last vector has d = 0, up to rounding, and next to no weight.
      x.fill(maximum - LARGEST_EXPONENT, count, wholeVectors(count));
      y.fill(maximum - LARGEST_EXPONENT + shift, count, wholeVectors(count));
      this.exports.divergence(4 * wholeVectors(count));
      moved += two[0];
      excess += two[1];
    }
    return { moved, excess };
  }
}

const wholeVectors = (count: number) => Math.ceil(count / 4) * 4;
