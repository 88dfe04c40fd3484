/** @file A WebAssembly function of causal softmax: a row alone is a call, and rows are short. */
import { F32X4_DEMOTE_ZERO, F64X2_ADD, F64X2_DIV } from '../linalg/f64_lanes.ts';
import {
  advance,
  f32Const,
  f32Store,
  I32,
  I32_ADD,
  i32Const,
  ifThen,
  isBelow,
  localGet,
  localSet,
  repeatWhile,
  shuffle,
  V128,
  v128Const,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
  wholeVectors,
} from '../linalg/wasm_module.ts';
import { exponentsFrom, numberOf, stored, sumUp } from './exp_functions.ts';
import { exponentials, F32X4_MUL, F32X4_PMAX, F32X4_SUB, f32s } from './vector_exp.ts';
import { eachSlot, eachVector, type Slot } from './vector_loop.ts';

const moved = (lanes: readonly number[]) =>
  shuffle(lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)));

/** Runs `body` as long as `local`, which goes on by `step`, is below `end`. */
function whileBelow(local: number, end: number, step: number, body: readonly number[]): number[] {
  const condition = isBelow(localGet(local), localGet(end));
  return ifThen(condition, repeatWhile(condition, [...body, ...advance(local, i32Const(step))]));
}

/**
 * Rows that begin `stride` bytes apart, at least one, become softmax(scale · x): the first of its first `bytes`, each other of one
 * number more than the row before. Behind them 0 is written, as far as whole vectors reach that begin in the first `all` bytes. The
 * largest term is 1 before it is divided; a NaN makes its row NaN.
 */
export function softmaxRows(): WasmFunction {
  const [begin, stride, rows, bytes, all, place] = [0, 1, 2, 3, 4, 5];
  // Two maxima, one for each slot.
  const [x_at, end, behind, scale, most, sum] = [6, 7, 8, 9, 10, 12];
  const of = exponentsFrom(13);
  const largestOf = ({ slot }: Slot) => most + slot;
  /** Both maxima, and each lane and another one. */
  const folded = (lanes: readonly number[]) => [
    ...[...localGet(most), ...localGet(most), ...localGet(most), ...moved(lanes), ...F32X4_PMAX, ...localSet(most)],
  ];
  const everyVector = (body: (slots: readonly Slot[]) => readonly number[]) => [
    ...[...localGet(begin), ...localSet(x_at), ...eachVector(x_at, end, body)],
  ];
  const loaded = (slot: Slot) => [...localGet(x_at), ...v128Load(slot.offset)];
  /** Numbers from the row's last on to the end of their vector. */
  const fillTail = (value: readonly number[]) => [
    ...[...localGet(begin), ...localGet(bytes), I32_ADD, ...localSet(behind)],
    ...whileBelow(behind, end, 4, [...localGet(behind), ...value, ...f32Store()]),
  ];
  const row = [
    ...[...localGet(begin), ...wholeVectors(localGet(bytes)), I32_ADD, ...localSet(end)],
    ...fillTail(f32Const(Number.NEGATIVE_INFINITY)),
    ...[...f32s(Number.NEGATIVE_INFINITY), ...localSet(most), ...localGet(most), ...localSet(most + 1)],
    ...[...v128Zero, ...localSet(sum)],
    ...everyVector((slots) => [
      ...eachSlot(slots, (slot) => [
        ...[...loaded(slot), ...localGet(scale), ...F32X4_MUL, ...localSet(of(slot).x)],
        ...[...localGet(largestOf(slot)), ...localGet(of(slot).x), ...F32X4_PMAX, ...localSet(largestOf(slot))],
      ]),
      ...eachSlot(slots, (slot) => stored(x_at, slot, of(slot).x)),
    ]),
    ...[...localGet(most), ...localGet(most + 1), ...F32X4_PMAX, ...localSet(most)],
    ...[...folded([2, 3, 0, 1]), ...folded([1, 0, 3, 2])],
    ...everyVector((slots) => [
      ...eachSlot(slots, (slot) => [...loaded(slot), ...localGet(most), ...F32X4_SUB, ...localSet(of(slot).x)]),
      ...exponentials(slots.map(of)),
      ...eachSlot(slots, (slot) => stored(x_at, slot, of(slot).x)),
      ...eachSlot(slots, (slot) => sumUp(sum, of(slot).x)),
    ]),
    // 1 over the sum of both lanes, in all four.
    ...[...localGet(sum), ...localGet(sum), ...localGet(sum), ...moved([2, 3, 0, 1]), ...F64X2_ADD, ...localSet(sum)],
    ...[...v128Const(new Float64Array([1, 1])), ...localGet(sum), ...F64X2_DIV, ...F32X4_DEMOTE_ZERO, ...localSet(sum)],
    ...[...localGet(sum), ...localGet(sum), ...moved([0, 0, 0, 0]), ...localSet(sum)],
    ...everyVector((slots) => [
      ...eachSlot(slots, (slot) => [...loaded(slot), ...localGet(sum), ...F32X4_MUL, ...localSet(of(slot).x)]),
      ...eachSlot(slots, (slot) => stored(x_at, slot, of(slot).x)),
    ]),
    ...fillTail(f32Const(0)),
    ...[...localGet(begin), ...wholeVectors(localGet(all)), I32_ADD, ...localSet(behind)],
    ...whileBelow(end, behind, 16, [...localGet(end), ...v128Zero, ...v128Store()]),
    ...advance(begin, localGet(stride)),
    ...advance(bytes, i32Const(4)),
    ...advance(rows, i32Const(-1)),
  ];
  const code = [...numberOf(place, 0), ...localSet(scale), ...repeatWhile(localGet(rows), row)];
  return {
    name: 'softmax_rows',
    parameters: 6,
    locals: [
      [3, I32],
      [10, V128],
    ],
    code,
  };
}
