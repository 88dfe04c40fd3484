/**
 * @file What the loops over packed matrices share: instructions that load codes, scales and zero points of a quad (four
 * rows, `packed_layout.ts`) into vectors.
 */
import {
  advance,
  I32_ADD,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  shuffle,
  simd,
  v128Load,
} from '../linalg/wasm_module.ts';
import { blockBytes, type PackedForm, QUAD, scaleBytes, zeroBits } from './packed_layout.ts';
import { F32X4_MUL } from './vector_exp.ts';

const I32_LT_U = 0x49;
const SELECT = 0x1b;
const I32_AND = 0x71;
const I32_SHR_U = 0x76;
const loadWord = [0x28, 0, 0];
export const AND = simd(0x4e);
export const I32X4_ADD = simd(0xae);
/** Eight products of i16, added in pairs. */
export const DOT_I16 = simd(0xba);
export const CONVERT_I32X4 = simd(0xfa);
/** Eight bytes, or four words, each to the next width. */
const loadBytes = (offset: number) => [...simd(0x02), 0, ...offsetOf(offset)];
const loadSignedWords = (offset: number) => [...simd(0x03), 0, offset];
export const loadSplat = [...simd(0x09), 2, 0];
const F32X4_SUB = simd(0xe5);
const F32X4_SPLAT_CONST = (value: number) => bytesOf(new Float32Array(4).fill(value));
export const I16X8_SHR_U = simd(0x8d);
export const OR = simd(0x50);
const I16X8_MUL = simd(0x95);
export const I32X4_SHL = simd(0xab);
export const I32X4_SHR_U = simd(0xad);
export const I32X4_MUL = simd(0xb5);
export const I32X4_SPLAT = simd(0x11);

function offsetOf(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...offsetOf(value >>> 7)];
}

function bytesOf({ buffer }: Float32Array | Uint16Array | Uint32Array): number[] {
  return [...simd(0x0c), ...new Uint8Array(buffer)];
}

/** Eight words: the values in turn. */
export const words = (...values: number[]) =>
  bytesOf(Uint16Array.from({ length: 8 }, (_, i) => values[i % values.length]));
export const longs = (...values: number[]) =>
  bytesOf(Uint32Array.from({ length: 4 }, (_, i) => values[i % values.length]));

/** Where each word of a block of 3-bit codes begins: 12 bits, of which every other begins in the middle of a byte. */
const TWELVES = Array.from({ length: 8 }, (_, j) => [Math.floor((12 * j) / 8), Math.floor((12 * j) / 8) + 1]).flat();

/**
 * Leaves the eight words of a row's block, four codes of fewer than 8 bits in each.
 * @param row Of the quad. @param vector A local to spend.
 */
export function loadCodes(bits: 2 | 3 | 4, codes: number, row: number, vector: number): number[] {
  const at = row * blockBytes(bits);
  if (bits === 2) return [...localGet(codes), ...loadBytes(at)];
  const load = [...localGet(codes), ...v128Load(at)];
  if (bits === 4) return load;
  const twelves = [...load, ...localSet(vector), ...localGet(vector), ...localGet(vector), ...shuffle(TWELVES)];
  // A word's codes end at its highest bit; below them is what belongs to a neighbour.
  return [...twelves, ...words(16, 1), ...I16X8_MUL];
}

/** Leaves code i of the four in each word of `vector`. */
export function codeWords(bits: 2 | 3 | 4, vector: number, i: number): number[] {
  const shift = bits === 3 ? 4 + 3 * i : bits * i;
  const isTop = i === 3;
  return [
    ...localGet(vector),
    ...(shift > 0 ? [...i32Const(shift), ...I16X8_SHR_U] : []),
    ...(isTop ? [] : [...words(2 ** bits - 1), ...AND]),
  ];
}

/** Leaves eight codes of 8 bits as words: part i of four of a row's block. */
export const loadByteCodes = (codes: number, row: number, i: number) => [
  ...localGet(codes),
  ...loadBytes(row * blockBytes(8) + 8 * i),
];

/** Leaves four finite float16 at `place` + `offset` as f32: the exponent is moved, then corrected by a product, as subnormals need. */
export const halves = (place: number, offset = 0) => [
  ...[...localGet(place), ...loadSignedWords(offset)],
  ...[...i32Const(13), ...I32X4_SHL, ...longs(0x8fffe000), ...AND],
  ...[...F32X4_SPLAT_CONST(2 ** 112), ...F32X4_MUL],
];

export interface GroupLocals {
  readonly scales: number;
  /** Address of all zero points, and the bit of the next ones; or the address of the next minimums. */
  readonly zeros: number;
  readonly zero_bit: number;
}

/** Leaves nothing; the four rows' `scale` and `minimum` of a group are in vectors, and places are those of the next group. */
export function groupParameters(
  { bits, scale, zero }: PackedForm,
  { scales, zeros, zero_bit }: GroupLocals,
  to: Record<'scale' | 'minimum', number>,
): number[] {
  const load = scale === 'F16' ? halves(scales) : [...localGet(scales), ...v128Load()];
  // scale · (0 − zero).
  const scaled = (code: number[]) => [
    ...[...F32X4_SPLAT_CONST(0), ...code, ...F32X4_SUB],
    ...[...localGet(to.scale), ...F32X4_MUL, ...localSet(to.minimum)],
  ];
  const place = [...localGet(zero_bit), ...i32Const(3), I32_SHR_U, ...localGet(zeros), I32_ADD];
  // Four codes in one word: each is moved to its highest bits by a product of its own, then all of them down.
  const codes = [
    ...[...place, ...loadWord, ...localGet(zero_bit), ...i32Const(7), I32_AND, I32_SHR_U, ...I32X4_SPLAT],
    ...longs(...Array.from({ length: QUAD }, (_, row) => 2 ** (32 - bits * (row + 1)))),
    ...[...I32X4_MUL, ...i32Const(32 - bits), ...I32X4_SHR_U, ...CONVERT_I32X4],
  ];
  const minimum = {
    symmetric: scaled(F32X4_SPLAT_CONST(2 ** (bits - 1))),
    integer: [...scaled(codes), ...advance(zero_bit, i32Const(QUAD * bits))],
    minimum: [...halves(zeros), ...localSet(to.minimum), ...advance(zeros, i32Const(QUAD * 2))],
    minimum32: [...localGet(zeros), ...v128Load(), ...localSet(to.minimum), ...advance(zeros, i32Const(QUAD * 4))],
  };
  return [...load, ...localSet(to.scale), ...advance(scales, i32Const(QUAD * scaleBytes(scale))), ...minimum[zero]];
}

/**
 * Runs `start` once a group and `block` once a block. `b` and `end` count blocks to `blocks`; the first group ends at
 * block `first`, the others are `group` long.
 */
export function eachBlock(
  locals: Record<'b' | 'end' | 'blocks' | 'group' | 'first', number>,
  start: number[],
  block: number[],
): number[] {
  const { b, end, blocks, group, first } = locals;
  const least = [...localGet(end), ...localGet(blocks), ...localGet(end), ...localGet(blocks), I32_LT_U, SELECT];
  return [
    ...[...i32Const(0), ...localSet(b), ...localGet(first), ...localSet(end)],
    ...loopBelow(b, i32Const(0), blocks, [
      ...[...start, ...least, ...localSet(end)],
      ...loopBelow(b, i32Const(1), end, block),
      ...advance(end, localGet(group)),
    ]),
  ];
}

/** Bytes from a quad's block to the next, and bits of a quad's zero points of a group. */
export const quadBlockBytes = (form: PackedForm) => QUAD * blockBytes(form.bits);
export const quadZeroBits = (form: PackedForm) => QUAD * zeroBits(form);
