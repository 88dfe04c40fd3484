/** @file WebAssembly functions of the gate silu(x) = x/(1 + exp(−x)), over whole vectors from address x on while it is below `end`. */
import {
  i32Const,
  localGet,
  localSet,
  loopBelow,
  onward,
  simd,
  V128,
  v128Load,
  v128Store,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { exponential, exponentials, F32X4_ADD, F32X4_MUL, F32X4_SUB, f32s } from './vector_exp.ts';
import { eachSlot, eachVector, type Slot } from './vector_loop.ts';

const F32X4_DIV = simd(0xe7);
const F32X4_NEG = simd(0xe1);

/** out ← silu(x) · y; out may be one of them. */
export function gatedSilu(): WasmFunction {
  const [x_at, end, y_at, out] = [0, 1, 2, 3];
  /** Locals of a slot. */
  const of = ({ slot }: Slot) => ({ e: 4 + 4 * slot, n: 5 + 4 * slot, poly: 6 + 4 * slot, x: 7 + 4 * slot });
  const exponent = (slot: Slot) => ({ x: of(slot).e, n: of(slot).n, y: of(slot).poly });
  const loop = eachVector(
    x_at,
    end,
    (slots) => [
      ...eachSlot(slots, (slot) => [
        ...[...localGet(x_at), ...v128Load(slot.offset), ...localSet(of(slot).x)],
        ...[...localGet(of(slot).x), ...F32X4_NEG, ...localSet(of(slot).e)],
      ]),
      ...exponentials(slots.map(exponent)),
      ...eachSlot(slots, (slot) => [
        ...[...localGet(of(slot).x), ...localGet(of(slot).e), ...f32s(1), ...F32X4_ADD, ...F32X4_DIV],
        ...[...localGet(y_at), ...v128Load(slot.offset), ...F32X4_MUL, ...localSet(of(slot).x)],
      ]),
      ...eachSlot(slots, (slot) => [...localGet(out), ...localGet(of(slot).x), ...v128Store(slot.offset)]),
    ],
    [y_at, out],
  );
  return { name: 'gated_silu', parameters: 4, locals: [[8, V128]], code: loop };
}

/**
 * Of silu(x)·u, by its gradient d: with s = 1/(1 + exp(−x)), dx ← d·u·s·(1 + x·(1 − s)) and du ← d·x·s. Both may be one of the
 * others.
 */
export function gatedSiluBackward(): WasmFunction {
  const [x_at, end, u_at, d_at, dx_at, du_at, e, n, poly, x, d, u] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  const s = e;
  const code = loopBelow(x_at, i32Const(16), end, [
    ...[...localGet(x_at), ...v128Load(), ...localSet(x), ...localGet(x), ...F32X4_NEG, ...localSet(e)],
    ...exponential(e, n, poly),
    ...[...f32s(1), ...localGet(e), ...f32s(1), ...F32X4_ADD, ...F32X4_DIV, ...localSet(s)],
    // d·s is a factor of both.
    ...[...localGet(d_at), ...v128Load(), ...localGet(s), ...F32X4_MUL, ...localSet(d)],
    ...[...localGet(u_at), ...v128Load(), ...localSet(u)],
    ...[...localGet(dx_at), ...f32s(1), ...localGet(s), ...F32X4_SUB, ...localGet(x), ...F32X4_MUL],
    ...[...f32s(1), ...F32X4_ADD, ...localGet(u), ...F32X4_MUL, ...localGet(d), ...F32X4_MUL, ...v128Store()],
    ...[...localGet(du_at), ...localGet(d), ...localGet(x), ...F32X4_MUL, ...v128Store()],
    ...onward(u_at, d_at, dx_at, du_at),
  ]);
  return { name: 'gated_silu_backward', parameters: 6, locals: [[6, V128]], code };
}
