/**
 * @file The inner loops of products with grouped integers, in WebAssembly: a row of inputs times rows of codes without
 * decoding them, and rows of codes to floats, a panel at a time, for products of many rows.
 *
 * Inputs are 16-bit integers with a scale for every block of 32, so that a block's sum is exact in i32: at most
 * 32 · 255 · 32,767 < 2³¹. A weight is scale · code + minimum; minimums meet the sum of the block's inputs.
 */
import {
  advance,
  assemble,
  I32,
  I32_ADD,
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
import type { PackedForm } from './packed_layout.ts';

/** All addresses are in bytes. A row's codes are `blocks` blocks of 32, `group` blocks share a scale. */
export interface PackedKernel {
  /** y[i] = x · row i, from address y on while it is below `y_end`. @param table Of every float16, as f32. */
  dot_rows(
    y: number,
    y_end: number,
    codes: number,
    scales: number,
    zeros: number,
    x: number,
    x_scales: number,
    x_sums: number,
    table: number,
    blocks: number,
    group: number,
  ): void;
  /** Rows as f32, 32 · blocks each, from address `out` on while it is below `out_end`. */
  unpack_rows(
    out: number,
    out_end: number,
    codes: number,
    scales: number,
    zeros: number,
    table: number,
    blocks: number,
    group: number,
  ): void;
}

const I32_LT_U = 0x49;
const SELECT = 0x1b;
const I32_SHL = 0x74;
const F32_ADD = 0x92;
const F32_CONVERT_I32_U = 0xb3;
const loadU16 = [0x2f, 1, 0];
const loadU8 = [0x2d, 0, 0];
const storeF32 = [0x38, 2, 0];
const loadSplat = [...simd(0x09), 2, 0];
const AND = simd(0x4e);
const SHIFT_RIGHT = simd(0x6d);
const F32X4_SPLAT = simd(0x13);
const F32X4_NEG = simd(0xe1);
const F32X4_ADD = simd(0xe4);
const F32X4_MUL = simd(0xe6);
const I32X4_ADD = simd(0xae);
const DOT_I16 = simd(0xba);
const CONVERT_I32X4 = simd(0xfa);
const lane = (index: number) => [...simd(0x1f), index];
/** Unsigned bytes to i16x8, unsigned i16 to i32x4: the low half and the high one. */
const [BYTES_LOW, BYTES_HIGH] = [simd(0x89), simd(0x8a)];
const [WORDS_LOW, WORDS_HIGH] = [simd(0xa9), simd(0xaa)];
const LOW_NIBBLES = [...simd(0x0c), ...new Array<number>(16).fill(15)];

/** Bytes of a block's codes. */
const blockBytes = (bits: 4 | 8) => 4 * bits;

/** Leaves nothing; `scale` and `minimum` of the group are in vectors, and the places of the next group in their locals. */
function groupParameters(
  { bits, scale, zero }: PackedForm,
  at: Record<'scales' | 'zeros' | 'table', number>,
  to: Record<'scale' | 'minimum', number>,
): number[] {
  const half = (place: number) => [
    ...localGet(at.table),
    ...localGet(place),
    ...loadU16,
    ...i32Const(2),
    I32_SHL,
    I32_ADD,
    ...loadSplat,
  ];
  const scaled = (code: number[]) => [
    ...localGet(to.scale),
    ...code,
    ...F32X4_MUL,
    ...F32X4_NEG,
    ...localSet(to.minimum),
  ];
  const constant = (value: number) => [...i32Const(value), F32_CONVERT_I32_U, ...F32X4_SPLAT];
  const minimum = {
    symmetric: scaled(constant(2 ** (bits - 1))),
    integer: [
      ...scaled([...localGet(at.zeros), ...loadU8, F32_CONVERT_I32_U, ...F32X4_SPLAT]),
      ...advance(at.zeros, i32Const(1)),
    ],
    minimum: [...half(at.zeros), ...localSet(to.minimum), ...advance(at.zeros, i32Const(2))],
  };
  const load = scale === 'F16' ? half(at.scales) : [...localGet(at.scales), ...loadSplat];
  return [...load, ...localSet(to.scale), ...advance(at.scales, i32Const(scale === 'F16' ? 2 : 4)), ...minimum[zero]];
}

/** Runs `start` once a group and `block` once a block of a row. `b` and `end` count blocks. */
function eachBlock(
  locals: { b: number; end: number; blocks: number; group: number },
  start: number[],
  block: number[],
): number[] {
  const { b, end, blocks, group } = locals;
  const next = [...localGet(b), ...localGet(group), I32_ADD];
  return [
    ...[...i32Const(0), ...localSet(b)],
    ...loopBelow(b, i32Const(0), blocks, [
      ...start,
      ...[...next, ...localGet(blocks), ...next, ...localGet(blocks), I32_LT_U, SELECT, ...localSet(end)],
      ...loopBelow(b, i32Const(1), end, block),
    ]),
  ];
}

/** Four vectors of eight unsigned i16, in the order of the inputs: each is left on the stack by its code. */
function codeWords(bits: 4 | 8, codes: number, low: number, high: number): { load: number[]; words: number[][] } {
  const halves = [low, high].flatMap((half) => [
    [...localGet(half), ...BYTES_LOW],
    [...localGet(half), ...BYTES_HIGH],
  ]);
  if (bits === 8) {
    const load = [0, 1].flatMap((i) => [...localGet(codes), ...v128Load(16 * i), ...localSet(i === 0 ? low : high)]);
    return { load, words: halves };
  }
  const [even, odd] = [low, high];
  const load = [
    ...[...localGet(codes), ...v128Load(), ...localSet(odd)],
    ...[...localGet(odd), ...LOW_NIBBLES, ...AND, ...localSet(even)],
    ...[...localGet(odd), ...i32Const(4), ...SHIFT_RIGHT, ...localSet(odd)],
  ];
  // Neighbours stand in one byte: both halves of all bytes are put side by side again, each widened to 16 bits.
  const side = (first: number) => [
    ...[...localGet(even), ...localGet(odd)],
    ...shuffle(Array.from({ length: 16 }, (_, i) => first + (i >> 1) + (i & 1 ? 16 : 0))),
  ];
  const words = [0, 8].flatMap((first) => [
    [...side(first), ...BYTES_LOW],
    [...side(first), ...BYTES_HIGH],
  ]);
  return { load, words };
}

function dotRows(form: PackedForm): WasmFunction {
  const [y, y_end, codes, scales, zeros, x, x_scales, x_sums, table, blocks, group] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
  ];
  const [b, end, x_at, scale_at, sum_at] = [11, 12, 13, 14, 15];
  const [low, high, scale, minimum, sum, offset] = [16, 17, 18, 19, 20, 21];
  const { load, words } = codeWords(form.bits, codes, low, high);
  const dot = words.flatMap((word, i) => [
    ...[...word, ...localGet(x_at), ...v128Load(16 * i), ...DOT_I16],
    ...(i > 0 ? I32X4_ADD : []),
  ]);
  const block = [
    ...load,
    ...[...localGet(sum), ...dot, ...CONVERT_I32X4],
    ...[
      ...localGet(scale),
      ...localGet(scale_at),
      ...loadSplat,
      ...F32X4_MUL,
      ...F32X4_MUL,
      ...F32X4_ADD,
      ...localSet(sum),
    ],
    ...[
      ...localGet(offset),
      ...localGet(minimum),
      ...localGet(sum_at),
      ...loadSplat,
      ...F32X4_MUL,
      ...F32X4_ADD,
      ...localSet(offset),
    ],
    ...advance(codes, i32Const(blockBytes(form.bits))),
    ...advance(x_at, i32Const(64)),
    ...advance(scale_at, i32Const(4)),
    ...advance(sum_at, i32Const(4)),
  ];
  const code = loopBelow(y, i32Const(4), y_end, [
    ...[
      ...localGet(x),
      ...localSet(x_at),
      ...localGet(x_scales),
      ...localSet(scale_at),
      ...localGet(x_sums),
      ...localSet(sum_at),
    ],
    ...[...v128Zero, ...localSet(sum), ...v128Zero, ...localSet(offset)],
    ...eachBlock({ b, end, blocks, group }, groupParameters(form, { scales, zeros, table }, { scale, minimum }), block),
    ...localGet(y),
    ...[0, 1, 2, 3].flatMap((i) => [...localGet(sum), ...lane(i), ...(i > 0 ? [F32_ADD] : [])]),
    // Every lane of it has the same.
    ...[...localGet(offset), ...lane(0), F32_ADD, ...storeF32],
  ]);
  return {
    name: 'dot_rows',
    parameters: 11,
    locals: [
      [5, I32],
      [6, V128],
    ],
    code,
  };
}

function unpackRows(form: PackedForm): WasmFunction {
  const [out, out_end, codes, scales, zeros, table, blocks, group] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [b, end] = [8, 9];
  const [low, high, scale, minimum] = [10, 11, 12, 13];
  const { load, words } = codeWords(form.bits, codes, low, high);
  const halves = words.flatMap((word) => [
    [...word, ...WORDS_LOW],
    [...word, ...WORDS_HIGH],
  ]);
  const block = [
    ...load,
    ...halves.flatMap((half, i) => [
      ...[...localGet(out), ...half, ...CONVERT_I32X4, ...localGet(scale), ...F32X4_MUL],
      ...[...localGet(minimum), ...F32X4_ADD, ...v128Store(16 * i)],
    ]),
    ...advance(codes, i32Const(blockBytes(form.bits))),
    ...advance(out, i32Const(128)),
  ];
  const rows = eachBlock(
    { b, end, blocks, group },
    groupParameters(form, { scales, zeros, table }, { scale, minimum }),
    block,
  );
  return {
    name: 'unpack_rows',
    parameters: 8,
    locals: [
      [2, I32],
      [4, V128],
    ],
    code: loopBelow(out, i32Const(0), out_end, rows),
  };
}

/** The loops for one form of packing. */
export function createPackedKernel(form: PackedForm, memory: WebAssembly.Memory): PackedKernel {
  const module = new WebAssembly.Module(assemble([dotRows(form), unpackRows(form)], memoryKind(memory)));
  return new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as PackedKernel;
}
