/**
 * @file Tiles of a product of many rows with codes of fewer than 8 bits, in WebAssembly: bytes times bytes, four at a time
 * (`i32x4.relaxed_dot_i8x16_i7x16_add_s`), where float tiles multiply one by one. Inputs are 16-bit integers of two bytes with a scale
 * a block of 32, so a block's sum is exact in i32 and then in f32: at most 32 · 15 · 32,639 < 2²⁴ for codes of 4 bits. A weight is
 * scale · code + minimum; minimums meet the sum of the block's inputs, as in `packed_dot.ts`.
 *
 * Left panels, of {@link BYTE_ROWS} rows: of each block the high bytes, four inputs of each row at a time, then the low ones; the rows'
 * scales and sums. Right panels, of a tile's columns: of each block the codes, four inputs of each column at a time; scales and minimums.
 */
import { TILE_VECTORS, type TileWidth } from '../linalg/tile_kernel.ts';
import {
  advance,
  I32,
  I32_ADD,
  I32_MUL,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  simd,
  splatAt,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { evenLanes, oddLanes } from './lanes.ts';
import { CONVERT_I32X4, I32X4_ADD, I32X4_SHL } from './packed_codes.ts';
import { BLOCK } from './packed_layout.ts';
import { F32X4_ADD, F32X4_MUL } from './vector_exp.ts';

/** Σ of four products of a signed byte and one of 7 bits, in each of four lanes, added to a third vector. */
export const BYTE_DOT = simd(0x113);
const F32X4_FUSED = simd(0x105);
/** Products of eight signed bytes as words, of the low half and of the high one; neighbouring words added as longs. */
const I16X8_PRODUCTS = [simd(0x9c), simd(0x9d)];
const I32X4_PAIRS = simd(0x7e);

/** The same without relaxed SIMD: more than twice as long as floats, for tests in engines that have none. */
const plainByteDot = (a: number, b: number, sum: number) => {
  const pairs = I16X8_PRODUCTS.map((product) => [...localGet(a), ...localGet(b), ...product, ...I32X4_PAIRS]);
  const lanes = [evenLanes, oddLanes].map((lane) => [...pairs.flat(), ...lane]);
  return [...lanes.flat(), ...I32X4_ADD, ...localGet(sum), ...I32X4_ADD];
};

/** Rows of a tile: with two joined vectors a row as many sums as registers hold, as in `tile_kernel.ts`. */
export const BYTE_ROWS = 6;
/** Inputs that one instruction takes of each row and column. */
const FOUR = 4;
const STEPS = BLOCK / FOUR;

/** Bytes of a step of a left panel, of a right one, and of a block of either. */
const LEFT_STEP = FOUR * BYTE_ROWS;
export const LEFT_BLOCK = 2 * STEPS * LEFT_STEP + 2 * LEFT_STEP;
const rightStep = (width: TileWidth) => 16 * TILE_VECTORS[width];
export const rightBlock = (width: TileWidth) => (STEPS + 2) * rightStep(width);
/** Where the parts of a block begin. */
export const LEFT = {
  step: LEFT_STEP,
  low: STEPS * LEFT_STEP,
  scales: 2 * STEPS * LEFT_STEP,
  sums: (2 * STEPS + 1) * LEFT_STEP,
};
export const rightParts = (width: TileWidth) => ({
  step: rightStep(width),
  scales: STEPS * rightStep(width),
  minimums: (STEPS + 1) * rightStep(width),
});

/** C (m, n) from panels of `blocks` blocks; m and n are whole tiles. All addresses and steps are in bytes. */
export type MultiplyBytes = (
  m: number,
  n: number,
  blocks: number,
  a: number,
  b: number,
  c: number,
  c_row: number,
) => void;

/** @param isRelaxed False for an engine without relaxed SIMD. */
export function multiplyBytes(width: TileWidth, isRelaxed = true): WasmFunction {
  const vectors = TILE_VECTORS[width];
  const right = rightParts(width);
  const [m, n, blocks, a, b, c, c_row] = [0, 1, 2, 3, 4, 5, 6];
  const [a_at, b_at, b_end, c_at, i, j, c_tile] = [7, 8, 9, 10, 11, 12, 13];
  const first_vector = 14;
  const sum = (row: number, vector: number) => first_vector + row * vectors + vector;
  const column = (vector: number) => first_vector + BYTE_ROWS * vectors + vector;
  const splat = column(vectors);
  const each = <T>(code: (vector: number) => T[]) =>
    Array.from({ length: vectors }, (_, vector) => code(vector)).flat();
  const rows = <T>(code: (row: number) => T[]) => Array.from({ length: BYTE_ROWS }, (_, row) => code(row)).flat();
  const rowNumber = (part: number, row: number) => [
    ...localGet(a_at),
    ...splatAt(part + FOUR * row),
    ...localSet(splat),
  ];

  const dot = (x: number, y: number, onto: number) =>
    isRelaxed ? [...localGet(x), ...localGet(y), ...localGet(onto), ...BYTE_DOT] : plainByteDot(x, y, onto);
  /** Leaves x · y + z of three that `code`s leave. */
  const fused = (x: number[], y: number[], z: number[]) =>
    isRelaxed ? [...x, ...y, ...z, ...F32X4_FUSED] : [...z, ...x, ...y, ...F32X4_MUL, ...F32X4_ADD];

  const step = (part: number, s: number) => [
    ...each((v) => [...localGet(b_at), ...v128Load(s * right.step + 16 * v), ...localSet(column(v))]),
    ...rows((row) => [
      ...rowNumber(part + s * LEFT.step, row),
      ...each((v) => [...dot(splat, column(v), sum(row, v)), ...localSet(sum(row, v))]),
    ]),
  ];
  const steps = (part: number) => Array.from({ length: STEPS }, (_, s) => step(part, s)).flat();
  const sums = (code: (at: number) => number[]) =>
    rows((row) => each((v) => [...code(sum(row, v)), ...localSet(sum(row, v))]));
  /** Onto what the tile holds of C. */
  const added = rows((row) => [
    ...rowNumber(LEFT.scales, row),
    ...each((v) => [
      ...fused(
        [...localGet(sum(row, v)), ...CONVERT_I32X4],
        [...localGet(splat), ...localGet(b_at), ...v128Load(right.scales + 16 * v), ...F32X4_MUL],
        [...localGet(c_at), ...v128Load(16 * v)],
      ),
      ...localSet(sum(row, v)),
    ]),
    ...rowNumber(LEFT.sums, row),
    ...each((v) => [
      ...fused(localGet(splat), [...localGet(b_at), ...v128Load(right.minimums + 16 * v)], localGet(sum(row, v))),
      ...localSet(sum(row, v)),
    ]),
    ...each((v) => [...localGet(c_at), ...localGet(sum(row, v)), ...v128Store(16 * v)]),
    ...advance(c_at, localGet(c_row)),
  ]);
  const block = [
    ...sums(() => v128Zero),
    ...steps(0),
    ...sums((at) => [...localGet(at), ...i32Const(8), ...I32X4_SHL]),
    ...steps(LEFT.low),
    ...[...localGet(c_tile), ...localSet(c_at)],
    ...added,
    ...advance(a_at, i32Const(LEFT_BLOCK)),
  ];
  const panel = [...localGet(blocks), ...i32Const(rightBlock(width)), I32_MUL];
  const tile = [
    ...[...localGet(c_tile), ...localSet(c_at)],
    ...rows(() => [
      ...each((v) => [...localGet(c_at), ...v128Zero, ...v128Store(16 * v)]),
      ...advance(c_at, localGet(c_row)),
    ]),
    ...[...localGet(b), ...localSet(b_at), ...localGet(b), ...panel, I32_ADD, ...localSet(b_end)],
    ...loopBelow(b_at, i32Const(rightBlock(width)), b_end, block),
    ...[...localGet(c_at), ...localSet(c_tile)],
  ];
  const code = [
    ...[...i32Const(0), ...localSet(j)],
    ...loopBelow(j, i32Const(4 * vectors), n, [
      ...[...i32Const(0), ...localSet(i), ...localGet(c), ...localSet(c_tile), ...localGet(a), ...localSet(a_at)],
      ...loopBelow(i, i32Const(BYTE_ROWS), m, tile),
      ...advance(b, panel),
      ...advance(c, i32Const(16 * vectors)),
    ]),
  ];
  const locals: WasmFunction['locals'] = [
    [first_vector - 7, I32],
    [BYTE_ROWS * vectors + vectors + 1, V128],
  ];
  return { name: `multiply_bytes_${width}`, parameters: 7, locals, code };
}
