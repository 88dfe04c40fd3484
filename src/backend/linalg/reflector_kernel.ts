/** @file What a step of the tridiagonal reduction does to its own vectors, in WebAssembly: they lie in shared memory, where JavaScript is slow. */
import { F64X2_MUL, F64X2_SUB, loadSplat } from './f64_lanes.ts';
import {
  I32,
  I32_ADD,
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
} from './wasm_module.ts';

/** Addresses and counts are in bytes, counts of whole vectors, one at least. */
export interface ReflectorKernel {
  /** x ← c·x, and v gets the same: c at `factor`. */
  scaled_copy(x: number, v: number, bytes: number, factor: number): void;
  /** w ← c₀·w − c₁·v, and what stands for −w and −v: (c₀, c₁) at `factors`. */
  finish_reflector(v: number, w: number, minus_w: number, minus_v: number, bytes: number, factors: number): void;
}

const F64X2_NEG = simd(0xed);
const endOf = (address: number, bytes: number, end: number) => [
  ...[...localGet(address), ...localGet(bytes), I32_ADD, ...localSet(end)],
];

function scaledCopy(): WasmFunction {
  const [x, v, bytes, factor, end, c, value] = [0, 1, 2, 3, 4, 5, 6];
  const code = [
    ...[...endOf(x, bytes, end), ...localGet(factor), ...loadSplat(), ...localSet(c)],
    ...loopBelow(x, i32Const(16), end, [
      ...[...localGet(x), ...v128Load(), ...localGet(c), ...F64X2_MUL, ...localSet(value)],
      ...[...localGet(x), ...localGet(value), ...v128Store(), ...localGet(v), ...localGet(value), ...v128Store()],
      ...onward(v),
    ]),
  ];
  const locals: WasmFunction['locals'] = [
    [1, I32],
    [2, V128],
  ];
  return { name: 'scaled_copy', parameters: 4, locals, code };
}

function finishReflector(): WasmFunction {
  const [v, w, minus_w, minus_v, bytes, factors, end, of_w, of_v, value, reflector] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
  ];
  const code = [
    ...[...endOf(v, bytes, end), ...localGet(factors), ...loadSplat(), ...localSet(of_w)],
    ...[...localGet(factors), ...loadSplat(8), ...localSet(of_v)],
    ...loopBelow(v, i32Const(16), end, [
      ...[...localGet(v), ...v128Load(), ...localSet(reflector)],
      ...[...localGet(of_w), ...localGet(w), ...v128Load(), ...F64X2_MUL],
      ...[...localGet(of_v), ...localGet(reflector), ...F64X2_MUL, ...F64X2_SUB, ...localSet(value)],
      ...[...localGet(w), ...localGet(value), ...v128Store()],
      ...[...localGet(minus_w), ...localGet(value), ...F64X2_NEG, ...v128Store()],
      ...[...localGet(minus_v), ...localGet(reflector), ...F64X2_NEG, ...v128Store()],
      ...onward(w, minus_w, minus_v),
    ]),
  ];
  const locals: WasmFunction['locals'] = [
    [1, I32],
    [4, V128],
  ];
  return { name: 'finish_reflector', parameters: 6, locals, code };
}

export function reflectorFunctions(): WasmFunction[] {
  return [scaledCopy(), finishReflector()];
}
