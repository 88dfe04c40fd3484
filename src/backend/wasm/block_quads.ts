/**
 * @file Blocks of 4-bit codes as GGUF stores them → as the CPU backend holds grouped integers (`packed_layout.ts`), in WebAssembly, so
 * that a file's own blocks are multiplied as they are: four rows at a time, with the codes of a block in order (GGUF has code i and
 * code i + 16 in one byte).
 */
import type { DType } from '../../tensor/dtype.ts';
import {
  advance,
  assemble,
  I32,
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
import { AND } from './packed_codes.ts';
import { BLOCK, blockBytes, type PackedForm, QUAD } from './packed_layout.ts';

const I32_LOAD16_U = [0x2f, 1];
const I32_STORE16 = [0x3b, 1];
const I16X8_SHR_U = simd(0x8d);
const OR = simd(0x50);
const I8X16_SHR_U = simd(0x6d);
const I8X16_NARROW_U = simd(0x66);
const i16s = (value: number) => [...simd(0x0c), ...new Uint8Array(new Uint16Array(8).fill(value).buffer)];

interface Blocks extends PackedForm {
  readonly bits: 4;
  /** Of a block. */
  readonly bytes: number;
}

/** Types that are held as they are: a half-float scale, a half-float minimum where there is one, then the codes. */
const KEPT = {
  Q4_0: { bytes: 18, bits: 4, scale: 'F16', zero: 'symmetric' },
  Q4_1: { bytes: 20, bits: 4, scale: 'F16', zero: 'minimum' },
} as const satisfies Partial<Record<DType, Blocks>>;

export type KeptBlocks = keyof typeof KEPT;

/** How blocks of a type are held. */
export function keptBlocks(dtype: KeptBlocks): PackedForm & { group: number } {
  return { ...KEPT[dtype], group: BLOCK };
}

export const isKept = (dtype: DType): dtype is KeptBlocks => dtype in KEPT;
export const KEPT_BLOCKS = Object.keys(KEPT) as KeptBlocks[];

/** False where a scale or a minimum is no finite float16: the loops read only finite ones. */
export function areFiniteBlocks(bytes: Uint8Array, dtype: KeptBlocks): boolean {
  const { bytes: block, zero } = KEPT[dtype];
  const halves = zero === 'minimum' ? [1, 3] : [1];
  for (let at = 0; at < bytes.length; at += block) {
    for (const high of halves) if ((bytes[at + high] & 0x7c) === 0x7c) return false;
  }
  return true;
}

/** All addresses are in bytes: four rows of `blocks` blocks each, `row_bytes` apart, from `from` on. */
export type BlockQuads = Record<
  KeptBlocks,
  (from: number, row_bytes: number, blocks: number, codes: number, scales: number, minimums: number) => void
>;

function quadsOf(name: KeptBlocks, { bytes, zero }: Blocks): WasmFunction {
  const [from, row_bytes, blocks, codes, scales, minimums] = [0, 1, 2, 3, 4, 5];
  const [b, at] = [6, 7];
  const [vector, low, high] = [8, 9, 10];
  const hasMinimum = zero === 'minimum';
  const nibbles = i16s(0x0f0f);
  /** Two bytes of a word become one: the code of the even place below that of the odd one. */
  const joined = (local: number) => [
    ...[...localGet(local), ...localGet(local), ...i32Const(4), ...I16X8_SHR_U, ...OR, ...i16s(0xff), ...AND],
  ];
  const copyHalf = (to: number, target: number, source: number) => [
    ...[...localGet(to), ...localGet(at), ...I32_LOAD16_U, source, ...I32_STORE16, target],
  ];
  const row = (r: number) => [
    ...copyHalf(scales, 2 * r, 0),
    ...(hasMinimum ? copyHalf(minimums, 2 * r, 2) : []),
    ...[...localGet(at), ...v128Load(hasMinimum ? 4 : 2), ...localSet(vector)],
    ...[...localGet(vector), ...nibbles, ...AND, ...localSet(low)],
    ...[...localGet(vector), ...i32Const(4), ...I8X16_SHR_U, ...localSet(high)],
    ...[...localGet(codes), ...joined(low), ...joined(high), ...I8X16_NARROW_U, ...v128Store(16 * r)],
    ...advance(at, localGet(row_bytes)),
  ];
  const code = [
    ...[...i32Const(0), ...localSet(b)],
    ...loopBelow(b, i32Const(1), blocks, [
      ...[...localGet(from), ...localSet(at)],
      ...[0, 1, 2, 3].flatMap(row),
      ...advance(from, i32Const(bytes)),
      ...advance(codes, i32Const(QUAD * blockBytes(4))),
      ...advance(scales, i32Const(2 * QUAD)),
      ...(hasMinimum ? advance(minimums, i32Const(2 * QUAD)) : []),
    ]),
  ];
  const locals: WasmFunction['locals'] = [
    [2, I32],
    [3, V128],
  ];
  return { name, parameters: 6, locals, code };
}

export function createBlockQuads(memory: WebAssembly.Memory): BlockQuads {
  const functions = KEPT_BLOCKS.map((name) => quadsOf(name, KEPT[name]));
  const module = new WebAssembly.Module(assemble(functions, memoryKind(memory)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as BlockQuads;
}

export interface BlockQuadsTask {
  dtype: KeptBlocks;
  bytes: Uint8Array;
  blocks: number;
  packed: Uint8Array;
  zeros_at: number;
  scales_at: number;
}

/** Quads `start … end`. */
export function writeBlockQuads(quads: BlockQuads, task: BlockQuadsTask, start: number, end: number): void {
  const { dtype, bytes, blocks, packed, zeros_at, scales_at } = task;
  const row_bytes = blocks * KEPT[dtype].bytes;
  for (let quad = start; quad < end; quad++) {
    const half = packed.byteOffset + quad * blocks * QUAD * 2;
    const codes = packed.byteOffset + quad * blocks * QUAD * blockBytes(4);
    quads[dtype](
      bytes.byteOffset + quad * QUAD * row_bytes,
      row_bytes,
      blocks,
      codes,
      half + scales_at,
      half + zeros_at,
    );
  }
}
