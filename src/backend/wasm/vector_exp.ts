/**
 * @file exp(x) of four f32 lanes, for the functions of `vector_math.ts` and `logit_math.ts`.
 *
 * exp(x) = 2ⁿ·eʳ with n = round(x/ln 2) and a polynomial for eʳ, |r| ≤ ln 2/2 (Cephes `expf`, S. Moshier; below 2 units in
 * the last place). x is clamped to ±87, so that nothing overflows and the least value is 1e-38 instead of 0. NaN stays NaN.
 *
 * Instructions are those that a processor has: WebAssembly's `min`, `max` and saturating conversion are six to nine of x86's.
 */
import { i32Const, localGet, localSet, simd } from '../linalg/wasm_module.ts';

export const F32X4_ADD = simd(0xe4);
export const F32X4_SUB = simd(0xe5);
export const F32X4_MUL = simd(0xe6);
export const F32X4_MIN = simd(0xe8);
export const F32X4_NEAREST = simd(0x6a);
export const I32X4_TRUNC_SAT = simd(0xf8);
export const I32X4_ADD = simd(0xae);
export const I32X4_SHL = simd(0xab);

function constant(bytes: Uint8Array): number[] {
  return [...simd(0x0c), ...bytes, ...bytes, ...bytes, ...bytes];
}
/** b < a ? b : a, and a < b ? b : a. */
const F32X4_PMIN = simd(0xea);
export const F32X4_PMAX = simd(0xeb);

/** The same value in four lanes. */
export const f32s = (value: number) => constant(new Uint8Array(Float32Array.of(value).buffer));
export const i32s = (value: number) => constant(new Uint8Array(Int32Array.of(value).buffer));

/** ln 2 in two parts: n times the first is exact. */
const [LN2_HIGH, LN2_LOW] = [0.693359375, -2.1219444e-4];
const COEFFICIENTS = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
];

/** 1.5·2²³: what is added to it is rounded to a whole number, which the last bits of the sum are. */
const ROUNDER = 12582912;

/** Locals of one of several vectors whose exponentials are taken together. */
export interface Exponent {
  x: number;
  n: number;
  y: number;
}

/** Local `x` ← exp(local `x`), with `n` and `y` as scratch. */
export const exponential = (x: number, n: number, y: number): number[] => exponentials([{ x, n, y }]);

/** Of each vector, step by step together: alone, every step waits for the one before. */
export function exponentials(vectors: readonly Exponent[]): number[] {
  const each = (code: (vector: Exponent) => number[]) => vectors.flatMap(code);
  const reduce = (part: number) =>
    each(({ x, n }) => [
      ...[...localGet(x), ...localGet(n), ...f32s(part), ...F32X4_MUL, ...F32X4_SUB, ...localSet(x)],
    ]);
  const [first, ...rest] = COEFFICIENTS;
  return [
    ...each(({ x }) => [...localGet(x), ...f32s(-87), ...F32X4_PMAX, ...f32s(87), ...F32X4_PMIN, ...localSet(x)]),
    ...each(({ x, n }) => [
      ...[...localGet(x), ...f32s(Math.LOG2E), ...F32X4_MUL],
      ...[...f32s(ROUNDER), ...F32X4_ADD, ...f32s(ROUNDER), ...F32X4_SUB, ...localSet(n)],
    ]),
    ...[...reduce(LN2_HIGH), ...reduce(LN2_LOW)],
    ...each(({ y }) => [...f32s(first), ...localSet(y)]),
    ...rest.flatMap((coefficient) =>
      each(({ x, y }) => [
        ...[...localGet(y), ...localGet(x), ...F32X4_MUL, ...f32s(coefficient), ...F32X4_ADD, ...localSet(y)],
      ]),
    ),
    ...each(({ x, n, y }) => [
      // 1 + r + r²·y
      ...[...localGet(y), ...localGet(x), ...F32X4_MUL, ...localGet(x), ...F32X4_MUL],
      ...[...localGet(x), ...F32X4_ADD, ...f32s(1), ...F32X4_ADD],
      // 2ⁿ by its exponent field
      ...[...localGet(n), ...f32s(ROUNDER), ...F32X4_ADD, ...i32Const(23), ...I32X4_SHL],
      ...[...i32s(127 << 23), ...I32X4_ADD, ...F32X4_MUL, ...localSet(x)],
    ]),
  ];
}
