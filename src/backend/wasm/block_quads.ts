/**
 * @file Blocks of integers as GGUF stores them → as the CPU backend holds grouped integers (`packed_layout.ts`), so that a file's own
 * blocks are multiplied as they are: four rows at a time, with the codes of 32 inputs in order. Codes are moved in WebAssembly.
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
import { AND, I16X8_SHR_U, OR, words } from './packed_codes.ts';
import { BLOCK, blockBytes, type PackedForm, QUAD, scaleBytes, zeroBits } from './packed_layout.ts';
import { writeRunScales } from './run_scales.ts';

const I32_LOAD16_U = [0x2f, 1];
const I32_STORE16 = [0x3b, 1];
const XOR = simd(0x51);
const I8X16_SHR_U = simd(0x6d);
const I8X16_NARROW_U = simd(0x66);

interface Blocks extends PackedForm {
  /** Of a block as it is stored, where its codes begin, and how many times 32 inputs they are. */
  readonly bytes: number;
  readonly codes: number;
  readonly runs: number;
}

/**
 * Types that are held as they are. With one run a block: a half-float scale, a half-float minimum where there is one, then the
 * codes (of 4 bits code i and code i + 16 in a byte). With several: `run_scales.ts`, and code i of two runs in a byte.
 */
const KEPT = {
  Q4_0: { bytes: 18, codes: 2, runs: 1, bits: 4, scale: 'F16', zero: 'symmetric' },
  Q4_1: { bytes: 20, codes: 4, runs: 1, bits: 4, scale: 'F16', zero: 'minimum' },
  Q8_0: { bytes: 34, codes: 2, runs: 1, bits: 8, scale: 'F16', zero: 'symmetric' },
  Q4_K: { bytes: 144, codes: 16, runs: 8, bits: 4, scale: 'F32', zero: 'minimum32' },
} as const satisfies Partial<Record<DType, Blocks>>;

export type KeptBlocks = keyof typeof KEPT;
export const KEPT_BLOCKS = Object.keys(KEPT) as KeptBlocks[];
export const isKept = (dtype: DType): dtype is KeptBlocks => dtype in KEPT;

/** How blocks of a type are held. */
export function keptBlocks(dtype: KeptBlocks): PackedForm & { group: number } {
  return { ...KEPT[dtype], group: BLOCK };
}

/** Bytes that an element takes as it is held. */
export const KEPT_BYTES = Object.fromEntries(
  Object.entries(KEPT).map(([dtype, form]) => [
    dtype,
    (blockBytes(form.bits) + scaleBytes(form.scale) + zeroBits(form) / 8) / BLOCK,
  ]),
) as Record<KeptBlocks, number>;

/** False where a scale or a minimum is no finite float16: the loops read only finite ones. */
export function areFiniteBlocks(bytes: Uint8Array, dtype: KeptBlocks): boolean {
  const { bytes: block, zero } = KEPT[dtype];
  const halves = zero === 'symmetric' ? [1] : [1, 3];
  for (let at = 0; at < bytes.length; at += block) {
    for (const high of halves) if ((bytes[at + high] & 0x7c) === 0x7c) return false;
  }
  return true;
}

/**
 * All addresses are in bytes: four rows of `blocks` stored blocks each, `row_bytes` apart, from `from` on. Scales and minimums are
 * written only of blocks with one run.
 */
export type BlockQuads = Record<
  KeptBlocks,
  (from: number, row_bytes: number, blocks: number, codes: number, scales: number, minimums: number) => void
>;

function quadsOf(name: KeptBlocks, form: Blocks): WasmFunction {
  const [from, row_bytes, blocks, codes, scales, minimums] = [0, 1, 2, 3, 4, 5];
  const [b, at] = [6, 7];
  const [low, high] = [8, 9];
  const { bits, runs } = form;
  const hasHalves = runs === 1;
  const hasMinimum = hasHalves && form.zero === 'minimum';
  const size = blockBytes(bits);
  const load = (offset: number) => [...localGet(at), ...v128Load(form.codes + offset)];
  const lowNibbles = [...words(0x0f0f), ...AND];
  const highNibbles = [...i32Const(4), ...I8X16_SHR_U];
  /** Two bytes of a word become one: the code of the even place below that of the odd one. */
  const joined = (local: number) => [
    ...[...localGet(local), ...localGet(local), ...i32Const(4), ...I16X8_SHR_U, ...OR, ...words(0xff), ...AND],
  ];
  const nibbles = (first: number[], second: number[], target: number) => [
    ...[...first, ...localSet(low), ...second, ...localSet(high)],
    ...[...localGet(codes), ...joined(low), ...joined(high), ...I8X16_NARROW_U, ...v128Store(target)],
  ];
  /** Signed bytes are raised to the middle, as `packed_layout.ts` has them. */
  const raised = (offset: number, target: number) => [
    ...[...localGet(codes), ...load(offset), ...words(0x8080), ...XOR, ...v128Store(target + offset)],
  ];
  const copyHalf = (to: number, target: number, source: number) => [
    ...[...localGet(to), ...localGet(at), ...I32_LOAD16_U, source, ...I32_STORE16, target],
  ];
  const codesOf = (run: number, target: number) => {
    if (bits === 8) return [...raised(0, target), ...raised(16, target)];
    if (hasHalves) return nibbles([...load(0), ...lowNibbles], [...load(0), ...highNibbles], target);
    const half = run % 2 === 0 ? lowNibbles : highNibbles;
    const offset = 16 * (run - (run % 2));
    return nibbles([...load(offset), ...half], [...load(offset + 16), ...half], target);
  };
  const row = (r: number) => [
    ...(hasHalves ? copyHalf(scales, 2 * r, 0) : []),
    ...(hasMinimum ? copyHalf(minimums, 2 * r, 2) : []),
    ...Array.from({ length: runs }, (_, run) => codesOf(run, (QUAD * run + r) * size)).flat(),
    ...advance(at, localGet(row_bytes)),
  ];
  const code = [
    ...[...i32Const(0), ...localSet(b)],
    ...loopBelow(b, i32Const(1), blocks, [
      ...[...localGet(from), ...localSet(at)],
      ...[0, 1, 2, 3].flatMap(row),
      ...advance(from, i32Const(form.bytes)),
      ...advance(codes, i32Const(QUAD * runs * size)),
      ...advance(scales, i32Const(2 * QUAD)),
      ...advance(minimums, i32Const(2 * QUAD)),
    ]),
  ];
  const locals: WasmFunction['locals'] = [
    [2, I32],
    [2, V128],
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
  /** Of 32 inputs, of a row. */
  blocks: number;
  packed: Uint8Array;
  zeros_at: number;
  scales_at: number;
}

/** Quads `start … end`. */
export function writeBlockQuads(quads: BlockQuads, task: BlockQuadsTask, start: number, end: number): void {
  const { dtype, bytes, blocks, packed, zeros_at, scales_at } = task;
  const { bytes: block, runs, bits } = KEPT[dtype];
  const stored = blocks / runs;
  const row_bytes = stored * block;
  for (let quad = start; quad < end; quad++) {
    const from = quad * QUAD * row_bytes;
    const half = packed.byteOffset + quad * blocks * QUAD * 2;
    const codes = packed.byteOffset + quad * blocks * QUAD * blockBytes(bits);
    quads[dtype](bytes.byteOffset + from, row_bytes, stored, codes, half + scales_at, half + zeros_at);
    if (runs > 1) writeRunScales(task, quad, bytes.subarray(from, from + QUAD * row_bytes), stored);
  }
}
