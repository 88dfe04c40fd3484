/**
 * @file Blocks of 32 small integers with half-float scales → f32 in WebAssembly, with the bits of `tensor/quant/`: a product of a half
 * float and an integer of 8 bits is exact in f32, and what is added to it rounds once, as there. A layer that is trained is decoded
 * twice in a step.
 */
import type { DType } from '../../tensor/dtype.ts';
import {
  advance,
  assemble,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  memoryKind,
  simd,
  V128,
  v128Load,
  v128Store,
  type WasmFunction,
} from '../linalg/wasm_module.ts';
import { splatLane, widenedHalves } from './half_kernel.ts';
import { F32X4_ADD, F32X4_MUL, F32X4_SUB, f32s } from './vector_exp.ts';

const AND = simd(0x4e);
const I8X16_SHR_U = simd(0x6d);
const F32X4_CONVERT = simd(0xfa);
const EXTEND = {
  bytes: { low: simd(0x87), high: simd(0x88) },
  shorts: { low: simd(0xa7), high: simd(0xa8) },
};

interface Form {
  /** Bytes of a block. */
  bytes: number;
  /** Where the integers begin. */
  integers: number;
  /** Two integers of 4 bits in a byte, the low ones first; else one of 8 bits with its sign. */
  isNibbles: boolean;
  /** Subtracted from integers. */
  zero?: number;
  /** A second half float, which is added. */
  hasMinimum?: boolean;
}

/** Types that the kernel takes. */
const FORMS = {
  Q4_0: { bytes: 18, integers: 2, isNibbles: true, zero: 8 },
  Q4_1: { bytes: 20, integers: 4, isNibbles: true, hasMinimum: true },
  Q8_0: { bytes: 34, integers: 2, isNibbles: false },
} as const satisfies Partial<Record<DType, Form>>;

export type BlockType = keyof typeof FORMS;

export const isBlockType = (dtype: DType): dtype is BlockType => dtype in FORMS;

/** Decodes whole blocks from address `from` on while it is below `end`, to address `to` on. */
export type BlockKernel = Record<BlockType, (from: number, end: number, to: number) => void>;

function decoding(name: BlockType, { bytes, integers, isNibbles, zero, hasMinimum }: Form): WasmFunction {
  const [from, end, to, halves, scratch, more, scale, minimum, sixteen] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  /** Four numbers of the sixteen. */
  const four = (index: number, offset: number) => [
    ...[...localGet(to), ...localGet(sixteen), ...EXTEND.bytes[index < 2 ? 'low' : 'high']],
    ...[...EXTEND.shorts[index % 2 === 0 ? 'low' : 'high'], ...F32X4_CONVERT],
    ...(zero === undefined ? [] : [...f32s(zero), ...F32X4_SUB]),
    ...[...localGet(scale), ...F32X4_MUL],
    ...(hasMinimum ? [...localGet(minimum), ...F32X4_ADD] : []),
    ...v128Store(offset + 16 * index),
  ];
  const all = (offset: number) => [0, 1, 2, 3].flatMap((index) => four(index, offset));
  const load = (offset: number) => [...localGet(from), ...v128Load(offset)];
  const fifteens = new Array<number>(16).fill(15);
  const code = loopBelow(from, i32Const(bytes), end, [
    ...widenedHalves(from, halves, scratch, more),
    ...[...localSet(halves), ...splatLane(halves, 0), ...localSet(scale)],
    ...(hasMinimum ? [...splatLane(halves, 1), ...localSet(minimum)] : []),
    ...(isNibbles
      ? [
          ...[...load(integers), ...simd(0x0c), ...fifteens, ...AND, ...localSet(sixteen), ...all(0)],
          ...[...load(integers), ...i32Const(4), ...I8X16_SHR_U, ...localSet(sixteen), ...all(64)],
        ]
      : [...load(integers), ...localSet(sixteen), ...all(0), ...load(integers + 16), ...localSet(sixteen), ...all(64)]),
    ...advance(to, i32Const(128)),
  ]);
  return { name, parameters: 3, locals: [[6, V128]], code };
}

export function createBlockKernel(memory: WebAssembly.Memory): BlockKernel {
  const functions = (Object.keys(FORMS) as BlockType[]).map((name) => decoding(name, FORMS[name]));
  const module = new WebAssembly.Module(assemble(functions, memoryKind(memory)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as BlockKernel;
}
