/**
 * @file LUT-GEMM (arXiv 2206.09557) for one row of inputs, in WebAssembly: of every four inputs the sums of all subsets are
 * tabulated once, and each bit of four codes of a row picks one, by a swizzle for sixteen rows at a time. Measured beside the
 * plain loops (`backend/wasm/packed_dot.ts`); the runtime does not use it.
 *
 * Sixteen rows are a tile. Of each block of 32 inputs it has, from the highest bit of the codes down, four vectors: a byte holds
 * the bits of one row at four inputs in its low half and at the next four in its high half; even bytes are rows 0 … 7, odd
 * ones 8 … 15. A weight is scale · code + minimum, both float16, (blocks, 16) of each tile. Tables hold sums less half of all
 * four, so that they are as small as can be, in 16 bits: low bytes, then high bytes plus 128.
 */
import {
  advance,
  assemble,
  I32,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  simd,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../backend/linalg/wasm_module.ts';
import { CONVERT_I32X4, halves, I32X4_ADD, loadSplat, longs } from '../backend/wasm/packed_codes.ts';
import { F32X4_ADD, F32X4_MUL } from '../backend/wasm/vector_exp.ts';

export const LUT_ROWS = 16;
export const LUT_BLOCK = 32;
/** Of a block of inputs. */
export const TABLE_BYTES = 256;

const AND = simd(0x4e);
const NIBBLES = [...simd(0x0c), ...new Array<number>(16).fill(15)];
const I8X16_SHR_U = simd(0x6d);
const SWIZZLE = simd(0x0e);
const I16X8_SHL = simd(0x8b);
const I16X8_SHR_U = simd(0x8d);
const I16X8_ADD = simd(0x8e);
const I16X8_SUB = simd(0x91);
const I32X4_SHL = simd(0xab);
/** Unsigned i16 to i32x4: the low half and the high one. */
const HALVES = [simd(0xa9), simd(0xaa)];

export interface LutKernel {
  /** y[i] = x · row i, sixteen at a time, from address y on while it is below `y_end`. @param sums Σx of each block. */
  dot_tiles(
    y: number,
    y_end: number,
    codes: number,
    scales: number,
    minimums: number,
    tables: number,
    table_scales: number,
    sums: number,
    blocks: number,
  ): void;
}

function dotTiles(bits: 2 | 3 | 4): WasmFunction {
  const [y, y_end, codes, scales, minimums, tables, table_scales, sums, blocks] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const [b, table, scale_at, sum_at] = [9, 10, 11, 12];
  const [pair, index, picked] = [13, 14, 15];
  /** Of low and of high bytes: all lanes as they are, and the odd bytes alone. */
  const [all, odd] = [(byte: number) => 16 + byte, (byte: number) => 18 + byte];
  const result = (quarter: number) => 20 + quarter;
  const both = (code: (byte: number) => number[]) => [0, 1].flatMap(code);
  const quarters = (code: (quarter: number) => number[]) => [0, 1, 2, 3].flatMap(code);
  const look = (four: number) =>
    both((byte) => [
      ...[...localGet(table), ...v128Load(32 * four + 16 * byte), ...localGet(index), ...SWIZZLE, ...localSet(picked)],
      ...[...localGet(all(byte)), ...localGet(picked), ...I16X8_ADD, ...localSet(all(byte))],
      ...[
        ...localGet(odd(byte)),
        ...localGet(picked),
        ...i32Const(8),
        ...I16X8_SHR_U,
        ...I16X8_ADD,
        ...localSet(odd(byte)),
      ],
    ]);
  const planes = Array.from({ length: bits }, (_, plane) => [
    ...(plane === 0
      ? both((byte) => [...v128Zero, ...localSet(all(byte)), ...v128Zero, ...localSet(odd(byte))])
      : both((byte) =>
          [all(byte), odd(byte)].flatMap((sum) => [...localGet(sum), ...i32Const(1), ...I16X8_SHL, ...localSet(sum)]),
        )),
    ...quarters((p) => [
      ...[...localGet(codes), ...v128Load(64 * plane + 16 * p), ...localSet(pair)],
      ...[...localGet(pair), ...NIBBLES, ...AND, ...localSet(index), ...look(2 * p)],
      ...[...localGet(pair), ...i32Const(4), ...I8X16_SHR_U, ...localSet(index), ...look(2 * p + 1)],
    ]),
  ]).flat();
  /** Sums of bytes of four rows as whole numbers; even bytes are what odd ones leave of all. */
  const words = (quarter: number, byte: number) => [
    ...(quarter < 2
      ? [...localGet(all(byte)), ...localGet(odd(byte)), ...i32Const(8), ...I16X8_SHL, ...I16X8_SUB]
      : localGet(odd(byte))),
    ...HALVES[quarter % 2],
  ];
  // What was added to the high bytes: 128 at each of eight fours, in every bit's weight.
  const bias = -(128 * 8 * (2 ** bits - 1)) * 256;
  const finish = quarters((q) => [
    ...[...localGet(result(q)), ...words(q, 1), ...i32Const(8), ...I32X4_SHL, ...words(q, 0), ...I32X4_ADD],
    ...[...longs(bias >>> 0), ...I32X4_ADD, ...CONVERT_I32X4],
    ...[...halves(scales, 8 * q), ...localGet(scale_at), ...loadSplat, ...F32X4_MUL, ...F32X4_MUL, ...F32X4_ADD],
    ...[
      ...halves(minimums, 8 * q),
      ...localGet(sum_at),
      ...loadSplat,
      ...F32X4_MUL,
      ...F32X4_ADD,
      ...localSet(result(q)),
    ],
  ]);
  const block = [
    ...[...planes, ...finish],
    ...[...advance(codes, i32Const(64 * bits)), ...advance(table, i32Const(TABLE_BYTES))],
    ...[...advance(scales, i32Const(32)), ...advance(minimums, i32Const(32))],
    ...[...advance(scale_at, i32Const(4)), ...advance(sum_at, i32Const(4))],
  ];
  const code = loopBelow(y, i32Const(64), y_end, [
    ...[...localGet(tables), ...localSet(table), ...localGet(table_scales), ...localSet(scale_at)],
    ...[...localGet(sums), ...localSet(sum_at), ...i32Const(0), ...localSet(b)],
    ...quarters((q) => [...v128Zero, ...localSet(result(q))]),
    ...loopBelow(b, i32Const(1), blocks, block),
    ...quarters((q) => [...localGet(y), ...localGet(result(q)), ...v128Store(16 * q)]),
  ]);
  const locals: WasmFunction['locals'] = [
    [4, I32],
    [11, V128],
  ];
  return { name: 'dot_tiles', parameters: 9, locals, code };
}

export function createLutKernel(bits: 2 | 3 | 4, memory: WebAssembly.Memory): LutKernel {
  const module = new WebAssembly.Module(assemble([dotTiles(bits)]));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as LutKernel;
}

/** @param codes (16, 32) of a tile's block. @param out 64 · bits bytes. */
export function writeTile(codes: ArrayLike<number>, bits: number, out: Uint8Array): void {
  out.fill(0);
  for (let row = 0; row < LUT_ROWS; row++) {
    const byte = row < 8 ? 2 * row : 2 * (row - 8) + 1;
    for (let i = 0; i < LUT_BLOCK; i++) {
      for (let plane = 0; plane < bits; plane++) {
        const bit = (codes[row * LUT_BLOCK + i] >> (bits - 1 - plane)) & 1;
        out[64 * plane + 16 * (i >> 3) + byte] |= bit << (i & 7);
      }
    }
  }
}

/**
 * Tables of a block of inputs.
 * @param table {@link TABLE_BYTES} bytes. @returns Its scale.
 */
export function writeTable(x: Float32Array, from: number, table: Uint8Array): number {
  let largest = 0;
  for (let at = from; at < from + LUT_BLOCK; at += 4) {
    // The largest sum less half of all four is half of their sizes.
    const size = (Math.abs(x[at]) + Math.abs(x[at + 1]) + Math.abs(x[at + 2]) + Math.abs(x[at + 3])) / 2;
    if (size > largest) largest = size;
  }
  const scale = largest / 32767;
  const inverse = scale > 0 ? 1 / scale : 0;
  for (let four = 0; four < 8; four++) {
    const at = from + 4 * four;
    const [a, b, c, d] = [x[at] / 2, x[at + 1] / 2, x[at + 2] / 2, x[at + 3] / 2];
    for (let subset = 0; subset < 8; subset++) {
      const sum = -d + (subset & 1 ? a : -a) + (subset & 2 ? b : -b) + (subset & 4 ? c : -c);
      const value = Math.round(sum * inverse);
      // The complement of a subset has the opposite sum.
      for (const [index, number] of [
        [subset, value],
        [15 - subset, -value],
      ]) {
        table[32 * four + index] = number & 255;
        table[32 * four + 16 + index] = (number >> 8) + 128;
      }
    }
  }
  return scale;
}
