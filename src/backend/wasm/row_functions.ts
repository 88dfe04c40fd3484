/**
 * @file WebAssembly functions of rows, over whole vectors from address x on while it is below `end`: sums of products in f64, and the
 * linear combinations that norms and the gradient of a softmax are made of.
 */

import { F64X2_ADD, F64X2_MUL, F64X2_PROMOTE_LOW, highHalf } from '../linalg/f64_lanes.ts';
import {
  advance,
  I32,
  I32_ADD,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  onward,
  repeatWhile,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { numberOf } from './exp_functions.ts';
import { F32X4_ADD, F32X4_MUL, F32X4_SUB } from './vector_exp.ts';
import { eachSlot, eachVector, type Slot } from './vector_loop.ts';

/** Both halves of the product of two locals in f64, added to the lanes of `sum`. */
const sumProducts = (sum: number, x: number, y: number) => [
  ...[...localGet(sum), ...localGet(x), ...F64X2_PROMOTE_LOW, ...localGet(y), ...F64X2_PROMOTE_LOW],
  ...[...F64X2_MUL, ...F64X2_ADD],
  ...[...localGet(x), ...localGet(x), ...highHalf, ...F64X2_PROMOTE_LOW],
  ...[...localGet(y), ...localGet(y), ...highHalf, ...F64X2_PROMOTE_LOW],
  ...[...F64X2_MUL, ...F64X2_ADD, ...localSet(sum)],
];

/** Σ x·y in two f64 lanes, at `place`. */
export function dot(): WasmFunction {
  const [x_at, end, y_at, place, x, y, sum] = [0, 1, 2, 3, 4, 5, 6];
  const code = [
    ...[...v128Zero, ...localSet(sum)],
    ...loopBelow(x_at, i32Const(16), end, [
      ...[...localGet(x_at), ...v128Load(), ...localSet(x), ...localGet(y_at), ...v128Load(), ...localSet(y)],
      ...[...sumProducts(sum, x, y), ...onward(y_at)],
    ]),
    ...[...localGet(place), ...localGet(sum), ...v128Store()],
  ];
  return { name: 'dot', parameters: 4, locals: [[3, V128]], code };
}

/** out ← x · factor · w. */
export function scaledRow(): WasmFunction {
  const [x_at, end, w_at, out, place, factor] = [0, 1, 2, 3, 4, 5];
  const code = [
    ...[...numberOf(place, 0), ...localSet(factor)],
    ...loopBelow(x_at, i32Const(16), end, [
      ...[...localGet(out), ...localGet(x_at), ...v128Load(), ...localGet(factor), ...F32X4_MUL],
      ...[...localGet(w_at), ...v128Load(), ...F32X4_MUL, ...v128Store(), ...onward(w_at, out)],
    ]),
  ];
  return { name: 'scaled_row', parameters: 5, locals: [[1, V128]], code };
}

/** out ← x · y. */
export function product(): WasmFunction {
  const [x_at, end, y_at, out] = [0, 1, 2, 3];
  const code = loopBelow(x_at, i32Const(16), end, [
    ...[...localGet(out), ...localGet(x_at), ...v128Load(), ...localGet(y_at), ...v128Load(), ...F32X4_MUL],
    ...[...v128Store(), ...onward(y_at, out)],
  ]);
  return { name: 'product', parameters: 4, locals: [], code };
}

/** out ← x · first − y · second. @param adds Whether to what is in out. */
export function combination(adds: boolean): WasmFunction {
  const [x_at, end, y_at, out, place, first, second] = [0, 1, 2, 3, 4, 5, 6];
  const code = [
    ...[...numberOf(place, 0), ...localSet(first), ...numberOf(place, 1), ...localSet(second)],
    ...loopBelow(x_at, i32Const(16), end, [
      ...[...localGet(out), ...localGet(x_at), ...v128Load(), ...localGet(first), ...F32X4_MUL],
      ...[...localGet(y_at), ...v128Load(), ...localGet(second), ...F32X4_MUL, ...F32X4_SUB],
      ...(adds ? [...localGet(out), ...v128Load(), ...F32X4_ADD] : []),
      ...[...v128Store(), ...onward(y_at, out)],
    ]),
  ];
  return { name: adds ? 'add_combination' : 'combination', parameters: 5, locals: [[2, V128]], code };
}

/** y ← x · (y − shift) · factor. */
export function scoreGradients(): WasmFunction {
  const [x_at, end, y_at, place, shift, factor] = [0, 1, 2, 3, 4, 5];
  const code = [
    ...[...numberOf(place, 0), ...localSet(shift), ...numberOf(place, 1), ...localSet(factor)],
    ...loopBelow(x_at, i32Const(16), end, [
      ...[...localGet(y_at), ...localGet(y_at), ...v128Load(), ...localGet(shift), ...F32X4_SUB],
      ...[...localGet(x_at), ...v128Load(), ...F32X4_MUL, ...localGet(factor), ...F32X4_MUL, ...v128Store()],
      ...onward(y_at),
    ]),
  ];
  return { name: 'score_gradients', parameters: 4, locals: [[2, V128]], code };
}

/**
 * Of each head of a row, `head_bytes` from one to the next: x ← x·cos − y·sin and y ← y·cos + x·sin, of the first `half_bytes` of the
 * head and as many behind them, whole vectors.
 */
export function turnedHeads(): WasmFunction {
  const [head_at, heads, head_bytes, half_bytes, cos, sin] = [0, 1, 2, 3, 4, 5];
  const [x_at, end, y_at, cos_at, sin_at] = [6, 7, 8, 9, 10];
  const of = ({ slot }: Slot) => ({ x: 11 + 4 * slot, y: 12 + 4 * slot, c: 13 + 4 * slot, s: 14 + 4 * slot });
  const loaded = (at: number, { offset }: Slot, local: number) => [
    ...[...localGet(at), ...v128Load(offset), ...localSet(local)],
  ];
  const products = (a: number, b: number, c: number, d: number) => [
    ...[...localGet(a), ...localGet(b), ...F32X4_MUL, ...localGet(c), ...localGet(d), ...F32X4_MUL],
  ];
  const turn = (slots: readonly Slot[]) => [
    ...eachSlot(slots, (slot) => [...loaded(x_at, slot, of(slot).x), ...loaded(y_at, slot, of(slot).y)]),
    ...eachSlot(slots, (slot) => [...loaded(cos_at, slot, of(slot).c), ...loaded(sin_at, slot, of(slot).s)]),
    ...eachSlot(slots, (slot) => {
      const { x, y, c, s } = of(slot);
      return [...localGet(x_at), ...products(x, c, y, s), ...F32X4_SUB, ...v128Store(slot.offset)];
    }),
    ...eachSlot(slots, (slot) => {
      const { x, y, c, s } = of(slot);
      return [...localGet(y_at), ...products(y, c, x, s), ...F32X4_ADD, ...v128Store(slot.offset)];
    }),
  ];
  const head = [
    ...[...localGet(head_at), ...localSet(x_at), ...localGet(head_at), ...localGet(half_bytes), I32_ADD],
    ...[...localSet(end), ...localGet(end), ...localSet(y_at)],
    ...[...localGet(cos), ...localSet(cos_at), ...localGet(sin), ...localSet(sin_at)],
    ...eachVector(x_at, end, turn, [y_at, cos_at, sin_at]),
    ...[...advance(head_at, localGet(head_bytes)), ...advance(heads, i32Const(-1))],
  ];
  const locals: WasmFunction['locals'] = [
    [5, I32],
    [8, V128],
  ];
  return { name: 'turned_heads', parameters: 6, locals, code: repeatWhile(localGet(heads), head) };
}
