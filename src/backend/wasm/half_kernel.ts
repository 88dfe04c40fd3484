/**
 * @file binary16 ⇄ binary32 in WebAssembly, with the bits that `tensor/half.ts` gives: a layer's sliced weights take a hundredth of
 * the time that a loop in JavaScript takes for them.
 */
import {
  advance,
  assemble,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  memoryKind,
  shuffle,
  simd,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { F32X4_MUL, F32X4_NEAREST, f32s, I32X4_ADD, I32X4_SHL, I32X4_TRUNC_SAT, i32s } from './vector_exp.ts';

const AND = simd(0x4e);
const OR = simd(0x50);
const SELECT = simd(0x52);
const I32X4_LT_S = simd(0x39);
const I32X4_GT_S = simd(0x3b);
const I32X4_SHR_U = simd(0xad);
const F32X4_CONVERT = simd(0xfa);
const I16X8_NARROW_U = simd(0x86);
const LOAD_FOUR_HALVES = [...simd(0x04), 1, 0];

export interface HalfKernel {
  /**
   * Half floats nearest to the floats from address x on while it is below `end`, eight at a time, each rounded to even.
   * @param beyond Where 16 bytes are written that are zero unless one of them is NaN or too large: those halves are not right.
   */
  encode(x: number, end: number, halves: number, beyond: number): void;
  /** Floats of the half floats from address `halves` on while it is below `end`, four at a time. */
  decode(halves: number, end: number, x: number): void;
}

function encode(): WasmFunction {
  const [x, end, halves, beyond, value, magnitude, over, low] = [0, 1, 2, 3, 4, 5, 6, 7];
  /** Of four floats: their bits in the lower half of each lane. */
  const four = (offset: number) => [
    ...[...localGet(x), ...v128Load(offset), ...localSet(value)],
    ...[...localGet(value), ...i32s(0x7fffffff), ...AND, ...localSet(magnitude)],
    ...[...localGet(over), ...localGet(magnitude), ...i32s(0x477fefff), ...I32X4_GT_S, ...OR, ...localSet(over)],
    // Below 2⁻¹⁴ a half float counts in steps of 2⁻²⁴.
    ...[...localGet(magnitude), ...f32s(2 ** 24), ...F32X4_MUL, ...F32X4_NEAREST, ...I32X4_TRUNC_SAT],
    // The exponent moves from bias 127 to 15; what is cut off rounds up from a half on, from a tie to even.
    ...[...localGet(magnitude), ...i32s(0xfff - 0x38000000), ...I32X4_ADD],
    ...[...localGet(magnitude), ...i32Const(13), ...I32X4_SHR_U, ...i32s(1), ...AND, ...I32X4_ADD],
    ...[...i32Const(13), ...I32X4_SHR_U],
    ...[...localGet(magnitude), ...i32s(0x38800000), ...I32X4_LT_S, ...SELECT],
    ...[...localGet(value), ...i32Const(16), ...I32X4_SHR_U, ...i32s(0x8000), ...AND, ...OR],
  ];
  const code = [
    ...[...v128Zero, ...localSet(over)],
    ...loopBelow(x, i32Const(32), end, [
      ...[...four(0), ...localSet(low), ...localGet(halves), ...localGet(low), ...four(16)],
      ...[...I16X8_NARROW_U, ...v128Store(), ...advance(halves, i32Const(16))],
    ]),
    ...[...localGet(beyond), ...localGet(over), ...v128Store()],
  ];
  return { name: 'encode', parameters: 4, locals: [[4, V128]], code };
}

/** Floats of the four half floats at the address in local `halves`; the other locals are scratch. */
export function widenedHalves(halves: number, bits: number, magnitude: number, normal: number): number[] {
  return [
    ...[...localGet(halves), ...LOAD_FOUR_HALVES, ...localSet(bits)],
    ...[...localGet(bits), ...i32s(0x7fff), ...AND, ...localSet(magnitude)],
    ...[...localGet(magnitude), ...F32X4_CONVERT, ...f32s(2 ** -24), ...F32X4_MUL],
    ...[...localGet(magnitude), ...i32Const(13), ...I32X4_SHL, ...i32s(0x38000000), ...I32X4_ADD, ...localSet(normal)],
    // Infinity and NaN have the largest exponent there, too.
    ...[...localGet(normal), ...i32s(0x38000000), ...I32X4_ADD, ...localGet(normal)],
    ...[...localGet(magnitude), ...i32s(0x7bff), ...I32X4_GT_S, ...SELECT],
    ...[...localGet(magnitude), ...i32s(0x400), ...I32X4_LT_S, ...SELECT],
    ...[...localGet(bits), ...i32s(0x8000), ...AND, ...i32Const(16), ...I32X4_SHL, ...OR],
  ];
}

/** One lane of a local in all four. */
export const splatLane = (local: number, lane: number) => [
  ...[...localGet(local), ...localGet(local)],
  ...shuffle(Array.from({ length: 16 }, (_, byte) => 4 * lane + (byte % 4))),
];

function decode(): WasmFunction {
  const [halves, end, x, bits, magnitude, normal] = [0, 1, 2, 3, 4, 5];
  const code = loopBelow(halves, i32Const(8), end, [
    ...[...localGet(x), ...widenedHalves(halves, bits, magnitude, normal)],
    ...[...v128Store(), ...advance(x, i32Const(16))],
  ]);
  return { name: 'decode', parameters: 3, locals: [[3, V128]], code };
}

export function createHalfKernel(memory: WebAssembly.Memory): HalfKernel {
  const module = new WebAssembly.Module(assemble([encode(), decode()], memoryKind(memory)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as HalfKernel;
}
