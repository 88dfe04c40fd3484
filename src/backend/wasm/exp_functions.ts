/** @file WebAssembly functions of exponentials, over whole vectors from address x on while it is below `end`. */
import { F64X2_ADD, F64X2_PROMOTE_LOW, highHalf } from '../linalg/f64_lanes.ts';
import {
  localGet,
  localSet,
  simd,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { exponentials, F32X4_MUL, F32X4_PMAX, F32X4_SUB } from './vector_exp.ts';
import { eachSlot, eachVector, type Slot } from './vector_loop.ts';

const F32X4_NE = simd(0x42);
const OR = simd(0x50);

/** The f32 at an address of `Staging.numbers`, in all lanes. @param index Which of them. */
export const numberOf = (place: number, index: number) => [...localGet(place), ...simd(0x09), 2, 16 + 4 * index];

/** The f64 lanes of local `sum` get those of local x added. */
export const sumUp = (sum: number, x: number) => [
  ...[...localGet(sum), ...localGet(x), ...F64X2_PROMOTE_LOW, ...F64X2_ADD],
  ...[...localGet(x), ...localGet(x), ...highHalf, ...F64X2_PROMOTE_LOW, ...F64X2_ADD, ...localSet(sum)],
];

/** Locals of a slot from `first` on, as `exponentials` takes them. */
export const exponentsFrom =
  (first: number) =>
  ({ slot }: Slot) => ({ x: first + 3 * slot, n: first + 1 + 3 * slot, y: first + 2 + 3 * slot });

/** A slot's vector to where it belongs. */
export const stored = (x_at: number, { offset }: Slot, x: number) => [
  ...[...localGet(x_at), ...localGet(x), ...v128Store(offset)],
];

/** Σ exp(x − shift) in two f64 lanes, at `place`. @param keeps Whether the terms take the places of what they are of. */
export function expSum(keeps: boolean): WasmFunction {
  const [x_at, end, place, shift, sum] = [0, 1, 2, 3, 4];
  const of = exponentsFrom(5);
  const loop = [
    ...[...v128Zero, ...localSet(sum), ...numberOf(place, 0), ...localSet(shift)],
    ...eachVector(x_at, end, (slots) => [
      ...eachSlot(slots, (slot) => [
        ...[...localGet(x_at), ...v128Load(slot.offset), ...localGet(shift), ...F32X4_SUB, ...localSet(of(slot).x)],
      ]),
      ...exponentials(slots.map(of)),
      ...(keeps ? eachSlot(slots, (slot) => stored(x_at, slot, of(slot).x)) : []),
      ...eachSlot(slots, (slot) => sumUp(sum, of(slot).x)),
    ]),
    ...[...localGet(place), ...localGet(sum), ...v128Store()],
  ];
  return {
    name: keeps ? 'exp_sum_kept' : 'exp_sum',
    parameters: 3,
    locals: [[8, V128]],
    code: loop,
  };
}

/** x ← exp(x − shift) · factor. */
export function scaledExp(): WasmFunction {
  const [x_at, end, place, shift, factor] = [0, 1, 2, 3, 4];
  const of = exponentsFrom(5);
  const loop = [
    ...[...numberOf(place, 0), ...localSet(shift), ...numberOf(place, 1), ...localSet(factor)],
    ...eachVector(x_at, end, (slots) => [
      ...eachSlot(slots, (slot) => [
        ...[...localGet(x_at), ...v128Load(slot.offset), ...localGet(shift), ...F32X4_SUB, ...localSet(of(slot).x)],
      ]),
      ...exponentials(slots.map(of)),
      ...eachSlot(slots, (slot) => [
        ...[...localGet(of(slot).x), ...localGet(factor), ...F32X4_MUL, ...localSet(of(slot).x)],
      ]),
      ...eachSlot(slots, (slot) => stored(x_at, slot, of(slot).x)),
    ]),
  ];
  return { name: 'scaled_exp', parameters: 3, locals: [[8, V128]], code: loop };
}

/** The largest of each lane of x, at `place`: NaN where one of them is. */
export function largest(): WasmFunction {
  const [x_at, end, place, most, x, odd] = [0, 1, 2, 3, 5, 7];
  // A maximum for each slot: one alone would wait for itself at every vector. The processor's own passes over NaN.
  const own = ({ slot }: Slot) => most + slot;
  const of = ({ slot }: Slot) => x + slot;
  const code = [
    ...[...localGet(x_at), ...v128Load(), ...localSet(most), ...localGet(most), ...localSet(most + 1)],
    ...eachVector(x_at, end, (slots) => [
      ...eachSlot(slots, (slot) => [...localGet(x_at), ...v128Load(slot.offset), ...localSet(of(slot))]),
      ...eachSlot(slots, (slot) => [
        ...[...localGet(own(slot)), ...localGet(of(slot)), ...F32X4_PMAX, ...localSet(own(slot))],
        ...[...localGet(odd), ...localGet(of(slot)), ...localGet(of(slot)), ...F32X4_NE, ...OR, ...localSet(odd)],
      ]),
    ]),
    // All bits of a lane are a NaN.
    ...[
      ...localGet(place),
      ...localGet(most),
      ...localGet(most + 1),
      ...F32X4_PMAX,
      ...localGet(odd),
      ...OR,
      ...v128Store(),
    ],
  ];
  return { name: 'largest', parameters: 3, locals: [[5, V128]], code };
}
