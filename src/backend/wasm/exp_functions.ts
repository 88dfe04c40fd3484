/** @file WebAssembly functions of exponentials, four f32 lanes at a time, over whole vectors from address x on while it is below `end`. */
import { F32X4_DEMOTE_ZERO, F64X2_ADD, F64X2_DIV, F64X2_PROMOTE_LOW, highHalf } from '../linalg/f64_lanes.ts';
import {
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
import { exponential, F32X4_MAX, F32X4_MUL, F32X4_PMAX, F32X4_SUB, f32s } from './vector_exp.ts';

/** The f32 at an address of `Staging.numbers`, in all lanes. @param index Which of them. */
export const numberOf = (place: number, index: number) => [...localGet(place), ...simd(0x09), 2, 16 + 4 * index];

const moved = (lanes: readonly number[]) =>
  shuffle(lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)));

/** The f64 lanes of local `sum` get those of local x added. */
export const sumUp = (sum: number, x: number) => [
  ...[...localGet(sum), ...localGet(x), ...F64X2_PROMOTE_LOW, ...F64X2_ADD],
  ...[...localGet(x), ...localGet(x), ...highHalf, ...F64X2_PROMOTE_LOW, ...F64X2_ADD, ...localSet(sum)],
];

/** Σ exp(x − shift) in two f64 lanes, at `place`. @param keeps Whether the terms take the places of what they are of. */
export function expSum(keeps: boolean): WasmFunction {
  const [x_at, end, place, x, n, y, shift, sum] = [0, 1, 2, 3, 4, 5, 6, 7];
  const code = [
    ...[...v128Zero, ...localSet(sum), ...numberOf(place, 0), ...localSet(shift)],
    ...loopBelow(x_at, i32Const(16), end, [
      ...[...localGet(x_at), ...v128Load(), ...localGet(shift), ...F32X4_SUB, ...localSet(x)],
      ...exponential(x, n, y),
      ...(keeps ? [...localGet(x_at), ...localGet(x), ...v128Store()] : []),
      ...sumUp(sum, x),
    ]),
    ...[...localGet(place), ...localGet(sum), ...v128Store()],
  ];
  return { name: keeps ? 'exp_sum_kept' : 'exp_sum', parameters: 3, locals: [[5, V128]], code };
}

/** x ← exp(x − shift) · factor. */
export function scaledExp(): WasmFunction {
  const [x_at, end, place, x, n, y, shift, factor] = [0, 1, 2, 3, 4, 5, 6, 7];
  const code = [
    ...[...numberOf(place, 0), ...localSet(shift), ...numberOf(place, 1), ...localSet(factor)],
    ...loopBelow(x_at, i32Const(16), end, [
      ...[...localGet(x_at), ...v128Load(), ...localGet(shift), ...F32X4_SUB, ...localSet(x)],
      ...exponential(x, n, y),
      ...[...localGet(x_at), ...localGet(x), ...localGet(factor), ...F32X4_MUL, ...v128Store()],
    ]),
  ];
  return { name: 'scaled_exp', parameters: 3, locals: [[5, V128]], code };
}

/** The largest of each lane of x, at `place`. */
export function largest(): WasmFunction {
  const [x_at, end, place, most] = [0, 1, 2, 3];
  const code = [
    ...[...localGet(x_at), ...v128Load(), ...localSet(most)],
    ...loopBelow(x_at, i32Const(16), end, [
      ...[...localGet(most), ...localGet(x_at), ...v128Load(), ...F32X4_MAX, ...localSet(most)],
    ]),
    ...[...localGet(place), ...localGet(most), ...v128Store()],
  ];
  return { name: 'largest', parameters: 3, locals: [[1, V128]], code };
}

/** x becomes exp(scale·x) over its sum: the largest term is 1 before it is divided. One that is NaN makes all NaN. */
export function softmaxRow(): WasmFunction {
  const [begin, end, place, x_at, x, n, y, scale, most, sum] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  /** The larger of each lane and of another one. */
  const folded = (lanes: readonly number[]) => [
    ...[...localGet(most), ...localGet(most), ...localGet(most), ...moved(lanes), ...F32X4_PMAX, ...localSet(most)],
  ];
  const everyVector = (body: readonly number[]) => [
    ...[...localGet(begin), ...localSet(x_at), ...loopBelow(x_at, i32Const(16), end, body)],
  ];
  const load = [...localGet(x_at), ...v128Load()];
  const store = [...localGet(x_at), ...localGet(x), ...v128Store()];
  const code = [
    ...[...f32s(Number.NEGATIVE_INFINITY), ...localSet(most), ...v128Zero, ...localSet(sum)],
    ...[...numberOf(place, 0), ...localSet(scale)],
    ...everyVector([
      ...[...load, ...localGet(scale), ...F32X4_MUL, ...localSet(x), ...store],
      ...[...localGet(most), ...localGet(x), ...F32X4_PMAX, ...localSet(most)],
    ]),
    ...[...folded([2, 3, 0, 1]), ...folded([1, 0, 3, 2])],
    ...everyVector([
      ...[...load, ...localGet(most), ...F32X4_SUB, ...localSet(x)],
      ...[...exponential(x, n, y), ...store, ...sumUp(sum, x)],
    ]),
    // 1 over the sum of both lanes, in all four.
    ...[...localGet(sum), ...localGet(sum), ...localGet(sum), ...moved([2, 3, 0, 1]), ...F64X2_ADD, ...localSet(sum)],
    ...[...v128Const(new Float64Array([1, 1])), ...localGet(sum), ...F64X2_DIV, ...F32X4_DEMOTE_ZERO, ...localSet(sum)],
    ...[...localGet(sum), ...localGet(sum), ...moved([0, 0, 0, 0]), ...localSet(sum)],
    ...everyVector([...load, ...localGet(sum), ...F32X4_MUL, ...localSet(x), ...store]),
  ];
  return {
    name: 'softmax',
    parameters: 3,
    locals: [
      [1, I32],
      [6, V128],
    ],
    code,
  };
}
