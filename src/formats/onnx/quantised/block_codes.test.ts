/** Rows of codes in blocks: (code − zero) · scale, however rows are padded, from any row on, and as integers where they are. */
import { describe, expect, it } from 'vitest';
import { integerValues } from '../../integers.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { type BlockCodes, blockTensor, codeRowBytes, zeroRowBytes } from './block_codes.ts';

interface Held extends StoredTensor {
  readonly data: Uint8Array;
}

const held = (name: string, bits: number, elements: number, data: ArrayBufferView): Held => ({
  ...{ name, type: { name, bits }, dims: [elements], elements, bytes: data.byteLength, location: { kind: 'none' } },
  data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});
const read = async (tensor: StoredTensor, start: number, length: number) =>
  (tensor as Held).data.slice(start, start + length);

const ROWS = 5;
const codeOf = (i: number, bits: number) => (7 * i + 3) % 2 ** bits;

/** Rows of so many codes, each of which begins a byte. */
function packedRows(columns: number, bits: number, rowBytes: number, of: (row: number, column: number) => number) {
  const bytes = new Uint8Array(ROWS * rowBytes);
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < columns; column++) {
      bytes[row * rowBytes + ((column * bits) >> 3)] |= of(row, column) << ((column * bits) & 7);
    }
  }
  return bytes;
}

type Zeros = 'none' | 'zero' | 'codes' | 'floats';

function made(bits: 2 | 4 | 8, columns: number, block: number, padded: boolean, zeros: Zeros, isSigned: boolean) {
  const blocks = Math.ceil(columns / block);
  const sizes = { rows: ROWS, columns, bits, block, padded };
  const bytes = codeRowBytes(sizes as BlockCodes);
  const stored = (row: number, column: number) => codeOf(row * columns + column, bits);
  const signed = (code: number) => (isSigned && code >= 2 ** (bits - 1) ? code - 2 ** bits : code);
  const zeroOf = (row: number, index: number) =>
    zeros === 'none'
      ? 2 ** (bits - 1)
      : zeros === 'zero'
        ? 0
        : codeOf(11 * (row * blocks + index), bits) % 2 ** (bits - 1);
  const zeroTensor = () => {
    if (zeros === 'floats' || isSigned) {
      const values = Float32Array.from({ length: ROWS * blocks }, (_, i) => zeroOf(Math.floor(i / blocks), i % blocks));
      return held('FLOAT', 32, values.length, values);
    }
    return held(
      'UINT8',
      8,
      ROWS * zeroRowBytes(sizes as BlockCodes),
      packedRows(blocks, bits, zeroRowBytes(sizes as BlockCodes), zeroOf),
    );
  };
  const scales = Float32Array.from({ length: ROWS * blocks }, (_, i) => 2 ** (i % 4));
  const from: BlockCodes = {
    ...sizes,
    codes: held(isSigned ? 'INT4' : 'UINT8', isSigned ? 4 : 8, ROWS * bytes, packedRows(columns, bits, bytes, stored)),
    isSigned,
    scales: held('FLOAT', 32, scales.length, scales),
    ...(zeros === 'zero' && { default_zero: 0 }),
    ...((zeros === 'codes' || zeros === 'floats') && { zeros: zeroTensor() }),
  };
  const value = (row: number, column: number) => {
    const index = Math.floor(column / block);
    return (signed(stored(row, column)) - zeroOf(row, index)) * scales[row * blocks + index];
  };
  return { from, value };
}

const SHAPES = [
  [12, 4, true],
  [12, 4, false],
  [10, 4, true],
  [10, 4, false],
  [9, 16, true],
  [9, 16, false],
  [16, 16, false],
] as const;

describe.each([2, 4, 8] as const)('codes of %d bits', (bits) => {
  it.each(SHAPES)('%d columns in blocks of %d, padded %s', async (columns, block, padded) => {
    for (const isSigned of bits === 4 ? [false, true] : [false]) {
      // Operators with signed codes say that their zero is 0.
      const kinds = isSigned ? (['zero', 'codes', 'floats'] as const) : (['none', 'zero', 'codes', 'floats'] as const);
      for (const zeros of kinds) {
        const what = `${zeros}, signed ${isSigned}`;
        const { from, value } = made(bits, columns, block, padded, zeros, isSigned);
        const { decoder } = blockTensor('w', from);
        for (const [start, end] of [
          [0, ROWS],
          [2, 4],
        ]) {
          const wanted = Float32Array.from({ length: (end - start) * columns }, (_, i) =>
            value(start + Math.floor(i / columns), i % columns),
          );
          expect(await decoder.rows({ start, end }, read), what).toEqual(wanted.map((each) => each + 0));
          const integers = decoder.integers?.(read);
          if (integers)
            expect(integerValues(await integers.read({ start, end }), integers), what).toEqual(
              wanted.map((each) => each + 0),
            );
        }
        const integers = decoder.integers?.(read);
        // No zero points, and the one that stands for them is the middle: the packing needs none either.
        const isMiddle = zeros === 'none' || (zeros === 'zero' && isSigned);
        expect(integers === undefined, what).toBe(zeros === 'floats' || (zeros === 'codes' && isSigned));
        if (integers)
          expect([integers.bits, integers.group, integers.zero], what).toEqual([
            bits,
            block >= columns ? 'row' : block,
            isMiddle ? 'symmetric' : 'integer',
          ]);
        expect(decoder.label).toBe(`int${bits}${block >= columns ? ' row' : ` g${block}`}`);
      }
    }
  });
});
