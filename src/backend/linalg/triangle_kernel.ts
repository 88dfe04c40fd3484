/**
 * @file The smallest blocks of a Cholesky factorisation and of a triangular inverse, in WebAssembly: a row less multiples of other rows,
 * four vectors at a time, which stay in registers while the other rows go by. A block lies in a memory of the kernel's own.
 */
import { F64X2_ADD, F64X2_MUL, loadSplat } from './f64_lanes.ts';
import {
  advance,
  assemble,
  I32,
  I32_ADD,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  simd,
  V128,
  v128Load,
  v128Store,
  type WasmFunction,
} from './wasm_module.ts';

/** Rows and columns of a block, at most. */
export const LEAF = 64;
/** Columns that are held in registers. */
const CHUNK = 8;
const ROW_BYTES = 8 * LEAF;
const F64X2_NEG = simd(0xed);
const F64X2_MADD = simd(0x107);

/** A block, (LEAF, LEAF) row-major. There is one of each kind: to be used and left before anything else runs. */
export interface TriangleLeaf {
  /** A block's upper triangle; what lies below is void. */
  readonly block: Float64Array;
  /** Its inverse, negated; zeros below the diagonal. */
  readonly inverse: Float64Array;
  /**
   * A = UᵀU of the leading `size` rows, U in the place of A.
   * @param isPivot Whether row i may have this pivot. @returns The first row that may not, or −1.
   */
  factor(size: number, isPivot: (i: number, pivot: number) => boolean): number;
  /** `inverse` of the leading `size` rows. */
  invert(size: number): void;
}

type SubtractRows = (
  y: number,
  bytes: number,
  coefficients: number,
  coefficient_step: number,
  rows: number,
  rows_end: number,
) => void;

/** y −= Σ c_k·row_k: rows are {@link LEAF} numbers apart, from `rows` on while below `rows_end`; whole chunks of columns. */
function subtracting(isFused: boolean): WasmFunction {
  const [y, bytes, coefficients, step, rows, rows_end] = [0, 1, 2, 3, 4, 5];
  const [j, target, c_at, at, end] = [6, 7, 8, 9, 10];
  const weight = 11;
  const sum = (i: number) => 12 + i;
  const value = (i: number) => 16 + i;
  const each = (code: (i: number) => number[]) => [0, 1, 2, 3].flatMap(code);
  const sumOf = (a: number, b: number, to: number) => [...localGet(a), ...localGet(b), I32_ADD, ...localSet(to)];
  const multiplyAdded = (i: number) =>
    isFused
      ? [...localGet(weight), ...localGet(value(i)), ...localGet(sum(i)), ...F64X2_MADD]
      : [...localGet(sum(i)), ...localGet(weight), ...localGet(value(i)), ...F64X2_MUL, ...F64X2_ADD];
  const code = [
    ...[...i32Const(0), ...localSet(j)],
    ...loopBelow(j, i32Const(8 * CHUNK), bytes, [
      ...[...sumOf(y, j, target), ...sumOf(rows, j, at), ...sumOf(rows_end, j, end)],
      ...[...localGet(coefficients), ...localSet(c_at)],
      ...each((i) => [...localGet(target), ...v128Load(16 * i), ...localSet(sum(i))]),
      ...loopBelow(at, i32Const(ROW_BYTES), end, [
        ...[...localGet(c_at), ...loadSplat(), ...F64X2_NEG, ...localSet(weight)],
        ...each((i) => [...localGet(at), ...v128Load(16 * i), ...localSet(value(i))]),
        ...each((i) => [...multiplyAdded(i), ...localSet(sum(i))]),
        ...advance(c_at, localGet(step)),
      ]),
      ...each((i) => [...localGet(target), ...localGet(sum(i)), ...v128Store(16 * i)]),
    ]),
  ];
  const locals: WasmFunction['locals'] = [
    [5, I32],
    [9, V128],
  ];
  return { name: 'subtract_rows', parameters: 6, locals, code };
}

const made = new Map<boolean, TriangleLeaf>();

/** @param isFused With fused multiply-add, where the engine has it: other bits than without. */
export function triangleLeaf(isFused: boolean): TriangleLeaf {
  const found = made.get(isFused) ?? createLeaf(isFused);
  made.set(isFused, found);
  return found;
}

function createLeaf(isFused: boolean): TriangleLeaf {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(assemble([subtracting(isFused)]));
  const { exports } = new WebAssembly.Instance(module, { host: { memory } });
  const subtract = exports.subtract_rows as SubtractRows;
  const [block, inverse] = [0, 1].map((i) => new Float64Array(memory.buffer, i * LEAF * ROW_BYTES, LEAF * LEAF));
  const chunkOf = (column: number) => column - (column % CHUNK);
  const place = (values: Float64Array, row: number, column: number) => values.byteOffset + row * ROW_BYTES + 8 * column;
  return {
    ...{ block, inverse },
    factor(size, isPivot) {
      for (let i = 0; i < size; i++) {
        const from = chunkOf(i);
        const bytes = 8 * (LEAF - from);
        const rows_end = place(block, i, from);
        if (i > 0)
          subtract(place(block, i, from), bytes, place(block, 0, i), ROW_BYTES, place(block, 0, from), rows_end);
        const row = i * LEAF;
        const pivot = block[row + i];
        if (!isPivot(i, pivot)) return i;
        const root = Math.sqrt(pivot);
        for (let j = i; j < size; j++) block[row + j] /= root;
      }
      return -1;
    },
    invert(size) {
      inverse.fill(0);
      for (let i = size - 1; i >= 0; i--) {
        const row = i * LEAF;
        const reciprocal = 1 / block[row + i];
        // Row i: −(e_i + Σ_{k>i} U_ik·row k) / U_ii, of rows that are negated already.
        if (i + 1 < size) {
          const from = chunkOf(i + 1);
          const rows_end = place(inverse, size, from);
          subtract(
            place(inverse, i, from),
            8 * (LEAF - from),
            place(block, i, i + 1),
            8,
            place(inverse, i + 1, from),
            rows_end,
          );
        }
        for (let j = i + 1; j < size; j++) inverse[row + j] *= reciprocal;
        inverse[row + i] = -reciprocal;
      }
    },
  };
}
