/** @file What kernels of two f64 lanes are written with: instructions of WebAssembly's SIMD, and sums over the lanes. */
import { localGet, shuffle, simd } from './wasm_module.ts';

export const F64X2_ADD = simd(0xf0);
export const F64X2_SUB = simd(0xf1);
export const F64X2_MUL = simd(0xf2);
export const F64X2_DIV = simd(0xf3);
/** Of the low two of four f32. */
export const F64X2_PROMOTE_LOW = simd(0x5f);
/** Two zeros come behind. */
export const F32X4_DEMOTE_ZERO = simd(0x5e);

/** The upper eight bytes, where both operands are the same vector. */
export const highHalf = shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);

/** The number at an address, in both lanes. */
export const loadSplat = (offset = 0): number[] => [...simd(0x0a), 3, offset];

/** The sum of a local's two lanes, in both lanes. */
export const folded = (sum: number): number[] => [
  ...[...localGet(sum), ...localGet(sum), ...localGet(sum)],
  ...[...shuffle([8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]), ...F64X2_ADD],
];

/** Of two vectors: the first's low lane, then the second's high one. */
export const lowThenHigh = shuffle([0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31]);
