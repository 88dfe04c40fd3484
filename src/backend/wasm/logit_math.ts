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
  loadSplat,
  lowThenHigh,
} from '../linalg/f64_lanes.ts';
import {
  assemble,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  memoryKind,
  onward,
  shuffle,
  simd,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { numberOf } from './exp_functions.ts';
import { type Staging, stretch } from './staging.ts';
import { exponential, F32X4_ADD, F32X4_MIN, F32X4_MUL, F32X4_SUB, f32s } from './vector_exp.ts';

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

/**
 * Of x and y, whole vectors from their addresses on while that of x is below `end`, with d = y − x − shift and w = exp(x − maximum):
 * Σ w·d and Σ w·(eᵈ − 1 − d). They are left as the sums of the {@link Staging} at `place`; the shift is its first sum before, and the
 * maximum its first number.
 */
function divergence(): WasmFunction {
  const [x_at, end, y_at, place] = [0, 1, 2, 3];
  const [x, y, d, low, high, w, e, n, poly, series, moved, excess] = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
  const [shift, maximum] = [16, 17];
  const difference = (isHigh: boolean) => [
    ...[...wide(y, isHigh), ...wide(x, isHigh), ...F64X2_SUB, ...localGet(shift), ...F64X2_SUB],
  ];
  const add = (sum: number, terms: readonly number[]) => [...localGet(sum), ...terms, ...F64X2_ADD, ...localSet(sum)];
  const [first, ...others] = SERIES;
  const code = [
    ...[...v128Zero, ...localSet(moved), ...v128Zero, ...localSet(excess)],
    ...[...localGet(place), ...loadSplat(), ...localSet(shift), ...numberOf(place, 0), ...localSet(maximum)],
    ...loopBelow(x_at, i32Const(16), end, [
      ...[...localGet(x_at), ...v128Load(), ...localSet(x), ...localGet(y_at), ...v128Load(), ...localSet(y)],
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
      ...[...localGet(x), ...localGet(maximum), ...F32X4_SUB, ...localSet(w)],
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
      ...[...add(excess, wide(series, false)), ...add(excess, wide(series, true)), ...onward(y_at)],
    ]),
    ...[...localGet(place), ...folded(moved), ...folded(excess), ...lowThenHigh, ...v128Store()],
  ];
  return { name: 'divergence', parameters: 4, locals: [[14, V128]], code };
}

interface Exports {
  divergence(x: number, end: number, y: number, place: number): void;
}

export class LogitMath {
  private readonly exports: Exports;

  constructor(private readonly staging: Staging) {
    const { memory } = staging;
    const module = new WebAssembly.Module(assemble([divergence()], memoryKind(memory)));
    this.exports = new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as Exports;
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
    const { staging, exports } = this;
    let [moved, excess] = [0, 0];
    for (let at = start, count = 0; at < end; at += count) {
      count = stretch(at, end);
      // What fills the last vector has d = 0, up to rounding, and next to no weight.
      const x = staging.source(dense, at, count, 0, maximum - LARGEST_EXPONENT);
      const y = staging.source(own, at, count, 1, maximum - LARGEST_EXPONENT + shift);
      staging.sums[0] = shift;
      staging.numbers[0] = maximum;
      exports.divergence(x, x + 4 * count, y, staging.address);
      moved += staging.sums[0];
      excess += staging.sums[1];
    }
    return { moved, excess };
  }
}
