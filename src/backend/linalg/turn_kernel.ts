/**
 * @file What solvers in f64 do once to each number of a matrix, in WebAssembly: rows that become columns, the extremes of a row, f32
 * that become f64. In JavaScript, where memory is shared, each took six to eight nanoseconds a number.
 */
import { F32X4_DEMOTE_ZERO, F64X2_ADD, F64X2_MUL, F64X2_PROMOTE_LOW } from './f64_lanes.ts';
import {
  advance,
  I32,
  I32_ADD,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  onward,
  shuffle,
  simd,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from './wasm_module.ts';

/** Addresses are in bytes. */
export interface TurnKernel {
  /**
   * to[j][i] = factor[i]·from[i][j].
   * @param from_step From one row to the next, which may be in front of it. @param rows 8 bytes for each row, of which there is an even number.
   * @param columns Likewise. @param factors Of the rows.
   */
  turn(
    from: number,
    from_step: number,
    to: number,
    to_step: number,
    rows: number,
    columns: number,
    factors: number,
  ): void;
  /** The same, rounded to f32. */
  turn_single(
    from: number,
    from_step: number,
    to: number,
    to_step: number,
    rows: number,
    columns: number,
    factors: number,
  ): void;
  /**
   * result ← the largest, the smallest and the sum of 0·x of the even elements and of the odd ones, pair by pair: {@link EXTREMES}
   * numbers. 0 counts as an element, NaN does not; a sum is NaN where an element is not finite.
   * @param bytes Of whole vectors, one at least.
   */
  extremes(x: number, bytes: number, result: number): void;
  /** y ← x, of f32. @param bytes That y has, in whole vectors. */
  widen(x: number, y: number, bytes: number): void;
}

/** Numbers that `extremes` writes. */
export const EXTREMES = 6;

const [F64X2_PMIN, F64X2_PMAX] = [simd(0xf6), simd(0xf7)];
const LOAD_TWO = [...simd(0x5d), 3, 0];
/** The lower eight bytes of a vector to memory. */
const STORE_TWO = [...simd(0x5b), 3, 0, 0];
const lows = shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
const highs = shuffle([8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]);

/** @param store Of the vector on the stack, to the address below it. @param width Bytes of a number that is written. */
function turning(name: 'turn' | 'turn_single', store: readonly number[], width: number): WasmFunction {
  const [from, from_step, to, to_step, rows, columns, factors] = [0, 1, 2, 3, 4, 5, 6];
  const [upper, lower, target, j, rows_end] = [7, 8, 9, 10, 11];
  const [a, b, factor] = [12, 13, 14];
  const sum = (x: number, y: number, result: number) => [...localGet(x), ...localGet(y), I32_ADD, ...localSet(result)];
  const column = (lanes: readonly number[]) => [
    ...[...localGet(target), ...localGet(a), ...localGet(b), ...lanes, ...localGet(factor), ...F64X2_MUL, ...store],
    ...advance(target, localGet(to_step)),
  ];
  const code = [
    ...sum(factors, rows, rows_end),
    ...loopBelow(factors, i32Const(16), rows_end, [
      ...[...localGet(factors), ...v128Load(), ...localSet(factor)],
      ...[...localGet(from), ...localSet(upper), ...sum(from, from_step, lower), ...localGet(to), ...localSet(target)],
      ...[...i32Const(0), ...localSet(j)],
      ...loopBelow(j, i32Const(16), columns, [
        ...[...localGet(upper), ...v128Load(), ...localSet(a), ...localGet(lower), ...v128Load(), ...localSet(b)],
        ...[...column(lows), ...column(highs), ...onward(upper, lower)],
      ]),
      ...[...advance(from, localGet(from_step)), ...advance(from, localGet(from_step))],
      ...advance(to, i32Const(2 * width)),
    ]),
  ];
  const locals: WasmFunction['locals'] = [
    [5, I32],
    [3, V128],
  ];
  return { name, parameters: 7, locals, code };
}

function extremes(): WasmFunction {
  const [x, bytes, result, end, value, most, least, sum] = [0, 1, 2, 3, 4, 5, 6, 7];
  const code = [
    ...[...localGet(x), ...localGet(bytes), I32_ADD, ...localSet(end)],
    ...loopBelow(x, i32Const(16), end, [
      ...[...localGet(x), ...v128Load(), ...localSet(value)],
      ...[...localGet(most), ...localGet(value), ...F64X2_PMAX, ...localSet(most)],
      ...[...localGet(least), ...localGet(value), ...F64X2_PMIN, ...localSet(least)],
      ...[...localGet(sum), ...localGet(value), ...v128Zero, ...F64X2_MUL, ...F64X2_ADD, ...localSet(sum)],
    ]),
    ...[...localGet(result), ...localGet(most), ...v128Store(0)],
    ...[...localGet(result), ...localGet(least), ...v128Store(16)],
    ...[...localGet(result), ...localGet(sum), ...v128Store(32)],
  ];
  const locals: WasmFunction['locals'] = [
    [1, I32],
    [4, V128],
  ];
  return { name: 'extremes', parameters: 3, locals, code };
}

function widening(): WasmFunction {
  const [x, y, bytes, end] = [0, 1, 2, 3];
  const code = [
    ...[...localGet(y), ...localGet(bytes), I32_ADD, ...localSet(end)],
    ...loopBelow(y, i32Const(16), end, [
      ...[...localGet(y), ...localGet(x), ...LOAD_TWO, ...F64X2_PROMOTE_LOW, ...v128Store()],
      ...advance(x, i32Const(8)),
    ]),
  ];
  return { name: 'widen', parameters: 3, locals: [[1, I32]], code };
}

export function turnFunctions(): WasmFunction[] {
  return [
    turning('turn', v128Store(), 8),
    turning('turn_single', [...F32X4_DEMOTE_ZERO, ...STORE_TWO], 4),
    extremes(),
    widening(),
  ];
}
