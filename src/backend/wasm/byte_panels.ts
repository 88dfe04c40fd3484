/** @file What writes the panels of `byte_tile.ts`, in WebAssembly: rows of inputs rounded to 16 bits, and codes of a quad. */
import type { TileWidth } from '../linalg/tile_kernel.ts';
import {
  advance,
  I32,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  shuffle,
  simd,
  storeLane,
  V128,
  v128Load,
  v128Store,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { LEFT, LEFT_BLOCK, rightBlock, rightParts } from './byte_tile.ts';
import { interleaved } from './lanes.ts';
import {
  codeWords,
  eachBlock,
  groupParameters,
  I32X4_ADD,
  loadCodes,
  OR,
  quadBlockBytes,
  words,
} from './packed_codes.ts';
import { BLOCK, type PackedForm } from './packed_layout.ts';
import { F32X4_ADD, F32X4_MUL, f32s, i32s } from './vector_exp.ts';

/** Greatest 16-bit integer of which the nearest multiple of 256 is one of a signed byte. */
export const LARGEST_INPUT = 127 * 256 + 127;

const F32X4_ABS = simd(0xe0);
const F32X4_DIV = simd(0xe7);
const CONVERT_F32X4 = simd(0xfa);
/** Of numbers without a sign their bits are in the same order, and NaN is the greatest. */
const I32X4_MAX = simd(0xb8);
const I32X4_SUB = simd(0xb1);
/** 1.5 · 2²³: a small number added to it is rounded to the nearest integer, which its bits then tell. */
const ROUNDING = { float: 12582912, bits: 0x4b400000 };
/** Pairs of vectors to lanes of half the width, saturated. */
const I16X8_NARROW = simd(0x85);
const I8X16_NARROW = simd(0x65);
const I16X8_ADD = simd(0x8e);
const I16X8_SUB = simd(0x91);
const I16X8_SHL = simd(0x8b);
const I16X8_SHR_S = simd(0x8c);

/** Lanes turned by so many, so that with the unturned vector every lane meets another. */
const turned = (by: number) => shuffle(Array.from({ length: 16 }, (_, i) => (i + 4 * by) % 16));

/** The lanes of a local, joined by `join`, into all of them. */
const acrossLanes = (local: number, join: readonly number[]) =>
  [2, 1].flatMap((by) => [
    ...[...localGet(local), ...localGet(local), ...localGet(local), ...turned(by)],
    ...[...join, ...localSet(local)],
  ]);

/**
 * quantise_row(x, end, out): a row of whole blocks from address x on, below `end`, into its place in a left panel from `out` on. A row
 * with a number that is not finite becomes NaN as a whole: its block's scale is, and so is what is added of it.
 */
export function quantiseRow(): WasmFunction {
  const [x, end, out] = [0, 1, 2];
  const [largest, inverse, total] = [3, 4, 5];
  const value = (i: number) => 6 + i;
  const eight = (code: (i: number) => number[]) => [0, 1, 2, 3, 4, 5, 6, 7].flatMap(code);
  /** Sixteen inputs as words in two vectors, then their bytes to memory. */
  const half = (h: 0 | 1) => {
    const [a, b, high] = [value(4 * h), value(4 * h + 1), value(4 * h + 2)];
    const highOf = (local: number) => [
      ...[...localGet(local), ...words(128), ...I16X8_ADD, ...i32Const(8), ...I16X8_SHR_S],
    ];
    const low = (local: number, top: number[]) => [
      ...[...localGet(local), ...top, ...i32Const(8), ...I16X8_SHL, ...I16X8_SUB],
    ];
    const put = (part: number) =>
      [0, 1, 2, 3].flatMap((lane) => [
        ...[...localGet(out), ...localGet(high), ...storeLane(part + (4 * h + lane) * LEFT.step, lane)],
      ]);
    return [
      ...[...localGet(value(4 * h)), ...localGet(value(4 * h + 1)), ...I16X8_NARROW, ...localSet(a)],
      ...[...localGet(value(4 * h + 2)), ...localGet(value(4 * h + 3)), ...I16X8_NARROW, ...localSet(b)],
      ...[...highOf(a), ...highOf(b), ...I8X16_NARROW, ...localSet(high), ...put(0)],
      ...[...low(a, highOf(a)), ...low(b, highOf(b)), ...I8X16_NARROW, ...localSet(high), ...put(LEFT.low)],
    ];
  };
  const block = [
    ...eight((i) => [...localGet(x), ...v128Load(16 * i), ...localSet(value(i))]),
    ...eight((i) => [...localGet(value(i)), ...F32X4_ABS, ...(i > 0 ? I32X4_MAX : [])]),
    ...[...localSet(largest), ...acrossLanes(largest, I32X4_MAX)],
    ...[...f32s(LARGEST_INPUT), ...localGet(largest), ...F32X4_DIV, ...localSet(inverse)],
    ...[...localGet(largest), ...f32s(1 / LARGEST_INPUT), ...F32X4_MUL, ...localSet(largest)],
    ...eight((i) => [
      ...[...localGet(value(i)), ...localGet(inverse), ...F32X4_MUL, ...f32s(ROUNDING.float), ...F32X4_ADD],
      ...[...i32s(ROUNDING.bits), ...I32X4_SUB, ...localSet(value(i))],
    ]),
    ...eight((i) => [...localGet(value(i)), ...(i > 0 ? I32X4_ADD : [])]),
    ...[...localSet(total), ...acrossLanes(total, I32X4_ADD)],
    ...[...localGet(out), ...localGet(largest), ...storeLane(LEFT.scales, 0)],
    ...[...localGet(total), ...CONVERT_F32X4, ...localGet(largest), ...F32X4_MUL, ...localSet(total)],
    ...[...localGet(out), ...localGet(total), ...storeLane(LEFT.sums, 0)],
    ...half(0),
    ...half(1),
    ...advance(out, i32Const(LEFT_BLOCK)),
  ];
  const code = loopBelow(x, i32Const(4 * BLOCK), end, block);
  return { name: 'quantise_row', parameters: 3, locals: [[11, V128]], code };
}

/**
 * codes_to_bytes(out, codes, scales, zeros, zero_bit, blocks, group, first): four columns of a right panel, from `out` on; otherwise
 * as `unpack_quad` (`packed_panel.ts`).
 */
export function codesToBytes(form: PackedForm & { bits: 2 | 3 | 4 }, width: TileWidth): WasmFunction {
  const parts = rightParts(width);
  const [out, codes, scales, zeros, zero_bit, blocks, group, first] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [b, end] = [8, 9];
  const [scale, minimum, vector, pairs, others] = [10, 11, 12, 13, 14];
  // Of each row the bytes of its first four steps, and of the others.
  const rows = [
    [15, 16, 17, 18],
    [19, 20, 21, 22],
  ];
  const spare = [23, 24, 25, 26];
  const { bits } = form;
  /** Words of two codes: one in each byte. */
  const pair = (i: number) => [
    ...[...codeWords(bits, vector, i), ...codeWords(bits, vector, i + 1), ...i32Const(8), ...I16X8_SHL, ...OR],
  ];
  const row = (r: number) => [
    ...[...loadCodes(bits, codes, r, vector), ...localSet(vector)],
    ...[...pair(0), ...localSet(pairs), ...pair(2), ...localSet(others)],
    ...[...localGet(pairs), ...localGet(others), ...interleaved(0, 2), ...localSet(rows[0][r])],
    ...[...localGet(pairs), ...localGet(others), ...interleaved(1, 2), ...localSet(rows[1][r])],
  ];
  /** Words of four rows become four steps of them. */
  const steps = ([r0, r1, r2, r3]: number[], at: number) => {
    const both = (x: number, y: number, half: 0 | 1, bytes: number) => [
      ...[...localGet(x), ...localGet(y), ...interleaved(half, bytes)],
    ];
    const [p0, p1, p2, p3] = spare;
    const put = (step: number, value: number[]) => [...localGet(out), ...value, ...v128Store((at + step) * parts.step)];
    return [
      ...[...both(r0, r1, 0, 4), ...localSet(p0), ...both(r0, r1, 1, 4), ...localSet(p1)],
      ...[...both(r2, r3, 0, 4), ...localSet(p2), ...both(r2, r3, 1, 4), ...localSet(p3)],
      ...[...put(0, both(p0, p2, 0, 8)), ...put(1, both(p0, p2, 1, 8))],
      ...[...put(2, both(p1, p3, 0, 8)), ...put(3, both(p1, p3, 1, 8))],
    ];
  };
  const block = [
    ...[0, 1, 2, 3].flatMap(row),
    ...[...steps(rows[0], 0), ...steps(rows[1], 4)],
    ...[...localGet(out), ...localGet(scale), ...v128Store(parts.scales)],
    ...[...localGet(out), ...localGet(minimum), ...v128Store(parts.minimums)],
    ...advance(codes, i32Const(quadBlockBytes(form))),
    ...advance(out, i32Const(rightBlock(width))),
  ];
  const code = eachBlock(
    { b, end, blocks, group, first },
    groupParameters(form, { scales, zeros, zero_bit }, { scale, minimum }),
    block,
  );
  const locals: WasmFunction['locals'] = [
    [2, I32],
    [17, V128],
  ];
  return { name: `codes_to_bytes_${width}`, parameters: 8, locals, code };
}
