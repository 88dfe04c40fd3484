/**
 * @file Sums of exponentials of f32 numbers in f64, two lanes at a time: what comparing two models' logits takes most of its time
 * for. `Math.exp` takes ten times as long, and exponentials in f32 would leave a divergence of 10⁻⁶ no digits.
 *
 * exp(x) = 2ⁿ·eʳ with n = round(x/ln 2) and Taylor's polynomial of degree 11 for eʳ, |r| ≤ ln 2/2: what is left out is below
 * 10⁻¹⁴ of it. x is clamped to −700, so that 2ⁿ stays normal.
 */
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
  v128Const,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../linalg/wasm_module.ts';

/** Elements that are worked on at once. */
const CHUNK = 4096;
/** Addresses in bytes: three pairs of sums, the two shifts, then the chunks. */
const [SUMS_AT, SHIFTS_AT, A_AT, B_AT] = [0, 48, 80, 80 + 4 * CHUNK];

const F64X2_ADD = simd(0xf0);
const F64X2_SUB = simd(0xf1);
const F64X2_MUL = simd(0xf2);
const F64X2_MAX = simd(0xf5);
const F64X2_NEAREST = simd(0x94);
const F64X2_PROMOTE_LOW = simd(0x5f);
const I32X4_TRUNC_SAT_F64X2 = simd(0xfc);
const I64X2_EXTEND_LOW = simd(0xc7);
const I64X2_SHL = simd(0xcb);
const I64X2_ADD = simd(0xce);
const HIGH = shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);

const f64s = (value: number) => v128Const(Float64Array.of(value, value));
const i64s = (value: bigint) => v128Const(new Float64Array(BigInt64Array.of(value, value).buffer));

/** ln 2 in two parts: n times the first is exact. */
const [LN2_HIGH, LN2_LOW] = [0.6931471803691238, 1.9082149292705877e-10];
const DEGREE = 11;
/** 1/k! from the highest power down. */
const COEFFICIENTS = Array.from({ length: DEGREE + 1 }, (_, i) => {
  let factorial = 1;
  for (let k = 2; k <= DEGREE - i; k++) factorial *= k;
  return 1 / factorial;
});

/** Local `x` ← exp(local `x`), with `n` and `y` as scratch. */
function exponential(x: number, n: number, y: number): number[] {
  const reduce = (part: number) => [...localGet(n), ...f64s(part), ...F64X2_MUL, ...F64X2_SUB];
  const [first, ...rest] = COEFFICIENTS;
  return [
    ...[...localGet(x), ...f64s(-700), ...F64X2_MAX, ...localSet(x)],
    ...[...localGet(x), ...f64s(Math.LOG2E), ...F64X2_MUL, ...F64X2_NEAREST, ...localSet(n)],
    ...[...localGet(x), ...reduce(LN2_HIGH), ...reduce(LN2_LOW), ...localSet(x)],
    ...[...f64s(first), ...localSet(y)],
    ...rest.flatMap((coefficient) => [
      ...[...localGet(y), ...localGet(x), ...F64X2_MUL, ...f64s(coefficient), ...F64X2_ADD, ...localSet(y)],
    ]),
    // 2ⁿ by its exponent field
    ...[...localGet(y), ...localGet(n), ...I32X4_TRUNC_SAT_F64X2, ...I64X2_EXTEND_LOW],
    ...[...i64s(1023n), ...I64X2_ADD, ...i32Const(52), ...I64X2_SHL, ...F64X2_MUL, ...localSet(x)],
  ];
}

/** Parameter: bytes of a chunk, whole vectors. */
function comparing(): WasmFunction {
  const [end, at, a, b, e, n, y] = [0, 1, 2, 3, 4, 5, 6];
  const [sum_a, sum_b, weighted, shift_a, shift_b] = [7, 8, 9, 10, 11];
  const two = (high: readonly number[]) => [
    ...[...localGet(at), ...v128Load(A_AT), ...(high.length ? [...localSet(a), ...localGet(a), ...localGet(a)] : [])],
    ...[...high, ...F64X2_PROMOTE_LOW, ...localSet(a)],
    ...[...localGet(at), ...v128Load(B_AT), ...(high.length ? [...localSet(b), ...localGet(b), ...localGet(b)] : [])],
    ...[...high, ...F64X2_PROMOTE_LOW, ...localSet(b)],
    ...[...localGet(a), ...localGet(shift_a), ...F64X2_SUB, ...localSet(e), ...exponential(e, n, y)],
    ...[...localGet(sum_a), ...localGet(e), ...F64X2_ADD, ...localSet(sum_a)],
    ...[...localGet(weighted), ...localGet(a), ...localGet(b), ...F64X2_SUB, ...localGet(e), ...F64X2_MUL],
    ...[...F64X2_ADD, ...localSet(weighted)],
    ...[...localGet(b), ...localGet(shift_b), ...F64X2_SUB, ...localSet(e), ...exponential(e, n, y)],
    ...[...localGet(sum_b), ...localGet(e), ...F64X2_ADD, ...localSet(sum_b)],
  ];
  const code = [
    ...[...i32Const(0), ...localSet(at)],
    ...[sum_a, sum_b, weighted].flatMap((sum) => [...v128Zero, ...localSet(sum)]),
    ...[shift_a, shift_b].flatMap((shift, i) => [
      ...[...i32Const(0), ...v128Load(SHIFTS_AT + 16 * i), ...localSet(shift)],
    ]),
    ...loopBelow(at, i32Const(16), end, [...two([]), ...two(HIGH)]),
    ...[sum_a, sum_b, weighted].flatMap((sum, i) => [
      ...[...i32Const(0), ...localGet(sum), ...v128Store(SUMS_AT + 16 * i)],
    ]),
  ];
  const locals: WasmFunction['locals'] = [
    [1, I32],
    [10, V128],
  ];
  return { name: 'compare', parameters: 1, locals, code };
}

interface Exports {
  /** @param bytes Of whole vectors. */
  compare(bytes: number): void;
}

export interface ComparedSums {
  /** Σ exp(a − shift_a) and Σ exp(b − shift_b). */
  sum_a: number;
  sum_b: number;
  /** Σ exp(a − shift_a)·(a − b). */
  weighted: number;
}

export class DoubleExp {
  private readonly exports: Exports;
  private readonly sums: Float64Array;
  private readonly shifts: Float64Array;
  private readonly a: Float32Array;
  private readonly b: Float32Array;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const module = new WebAssembly.Module(assemble([comparing()]));
    this.exports = new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as Exports;
    this.sums = new Float64Array(memory.buffer, SUMS_AT, 6);
    this.shifts = new Float64Array(memory.buffer, SHIFTS_AT, 4);
    this.a = new Float32Array(memory.buffer, A_AT, CHUNK);
    this.b = new Float32Array(memory.buffer, B_AT, CHUNK);
  }

  /** Over `start … end` of both arrays; the shifts are at least as large as what they are taken from. */
  compare(
    a: Float32Array,
    b: Float32Array,
    start: number,
    end: number,
    shift_a: number,
    shift_b: number,
  ): ComparedSums {
    const { sums, shifts } = this;
    shifts.fill(shift_a, 0, 2).fill(shift_b, 2);
    const total = { sum_a: 0, sum_b: 0, weighted: 0 };
    for (let at = start; at < end; at += CHUNK) {
      const count = Math.min(CHUNK, end - at);
      this.a.set(a.subarray(at, at + count));
      this.b.set(b.subarray(at, at + count));
      if (count % 4 !== 0) {
        // e⁻⁷⁰⁰ is nothing beside a sum that is at least 1, and nothing times 0.
        for (const chunk of [this.a, this.b]) chunk.fill(-1e30, count, count + 4 - (count % 4));
      }
      this.exports.compare(4 * count);
      total.sum_a += sums[0] + sums[1];
      total.sum_b += sums[2] + sums[3];
      total.weighted += sums[4] + sums[5];
    }
    return total;
  }
}
