/** Every kind of packing: stored bytes are what is planned, and any rows read back are the numbers that were packed. */
import { describe, expect, it } from 'vitest';
import { f16ToNumber, numberToF16 } from '../../tensor/half.ts';
import { memoryScratch } from '../scratch.ts';
import { packBits, unpackBits } from './bits.ts';
import { dense } from './dense.ts';
import { type Bits, type Grouped, groupsOf, packedBytes } from './packing.ts';
import { keptOfRow } from './parts.ts';
import { storePacked } from './store.ts';
import type { GroupedValues, PackedValues, SparseValues } from './values.ts';

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const half = (value: number) => f16ToNumber(numberToF16(value));

function grouped(rows: number, columns: number, packing: Grouped, seed = 1): GroupedValues {
  const next = random(seed);
  const groups = rows * groupsOf(packing, columns);
  const top = 2 ** packing.bits;
  const isSigned = packing.zero === 'symmetric';
  const codes = Int16Array.from({ length: rows * columns }, () => Math.floor(next() * top) - (isSigned ? top / 2 : 0));
  const scale = (value: number) => (packing.scale === 'F32' ? Math.fround(value) : half(value));
  const zeros = Float64Array.from({ length: groups }, () =>
    packing.zero === 'integer' ? Math.floor(next() * top) : half(next() - 0.5),
  );
  return {
    ...{ packing, rows, columns },
    codes: Uint8Array.from(codes),
    scales: Float64Array.from({ length: groups }, () => scale(0.01 + next())),
    ...(!isSigned && { zeros }),
  };
}

function sparse(rows: number, columns: number, places: '2:4' | 'bitmap'): SparseValues {
  const next = random(5);
  const mask = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let start = 0; start < columns; start += 4) {
      const size = Math.min(4, columns - start);
      const first = Math.floor(next() * size);
      for (let i = 0; i < size - Math.floor(size / 2); i++) mask[row * columns + start + ((first + i) % size)] = 1;
    }
  }
  const kept = mask.reduce((sum, bit) => sum + bit, 0);
  expect(kept).toBe(rows * keptOfRow(columns, 2, 4));
  const values = Float64Array.from(mask, (bit) => (bit ? half(next() - 0.5) : 0));
  return { packing: { kind: 'sparse', places, kept, floats: 'F16' }, rows, columns, values, mask };
}

const grids: Grouped[] = ([2, 3, 4, 8] as Bits[]).flatMap((bits) =>
  (['symmetric', 'integer', 'minimum'] as const).map(
    (zero) => ({ kind: 'grouped', bits, group: 24, zero, scale: 'F16' }) as const,
  ),
);
const INTEGERS: Grouped = { kind: 'grouped', bits: 3, group: 16, zero: 'integer', scale: 'F16' };

const CASES: [name: string, values: PackedValues][] = [
  ...grids.map((packing): [string, PackedValues] => [`int${packing.bits} ${packing.zero}`, grouped(7, 61, packing)]),
  ['int8 row', grouped(7, 61, { kind: 'grouped', bits: 8, group: 'row', zero: 'symmetric', scale: 'F32' })],
  ['bitmap', sparse(7, 61, 'bitmap')],
  ['2:4', sparse(7, 61, '2:4')],
  [
    'kept columns',
    {
      packing: { kind: 'columns', columns: 3, rest: INTEGERS, floats: 'F16' },
      ...{ rows: 7, columns: 61, indices: Uint16Array.of(0, 17, 60) },
      kept: Float64Array.from({ length: 21 }, (_, i) => i / 8),
      rest: grouped(7, 58, INTEGERS),
    },
  ],
  [
    'tensor train',
    {
      packing: { kind: 'tensor_train', shape: [61, 1], ranks: [1], floats: 'F16' },
      ...{ rows: 7, columns: 61 },
      cores: Float64Array.from({ length: 7 * 62 }, (_, i) => ((i * 5) % 17) / 8 - 1),
    },
  ],
  ...[undefined, INTEGERS].map((base): [string, PackedValues] => [
    base ? 'low rank beside integers' : 'low rank',
    {
      packing: { kind: 'low_rank', rank: 2, ...(base && { base }), floats: 'F32' },
      ...{ rows: 7, columns: 61 },
      up: Float64Array.from({ length: 14 }, (_, i) => i / 16 - 0.5),
      down: Float64Array.from({ length: 122 }, (_, i) => Math.cos(i)).map(Math.fround),
      ...(base && { base: grouped(7, 61, base) }),
    },
  ]),
];

describe('a packed weight', () => {
  it.each(CASES)('reads as it was packed: %s', async (_, values) => {
    let stored = 0;
    const scratch = memoryScratch();
    const counting = {
      ...scratch,
      append: (bytes: Uint8Array) => {
        stored += bytes.byteLength;
        return scratch.append(bytes);
      },
    };
    const weight = await storePacked(counting, 'w', values);
    expect(stored).toBe(packedBytes([7, 61], values.packing));
    expect(weight.stored?.bytes).toBe(stored);
    const expected = dense(values);
    expect(expected.some((value) => value !== 0)).toBe(true);
    const all = new Float32Array((await weight.read()).slice().buffer);
    expect(all).toEqual(expected);
    const some = new Float32Array((await weight.read({ start: 2, end: 5 })).slice().buffer);
    expect(some).toEqual(expected.subarray(2 * 61, 5 * 61));
  });

  it('stands for scale · (code − zero), scale · code + minimum, or scale · signed code', () => {
    const of = (zero: Grouped['zero'], code: number, zeros?: Float64Array) =>
      dense({
        packing: { kind: 'grouped', bits: 4, group: 'row', zero, scale: 'F16' },
        ...{ rows: 1, columns: 1, codes: Uint8Array.of(code), scales: Float64Array.of(0.5) },
        ...(zeros && { zeros }),
      })[0];
    expect(of('integer', 3, Float64Array.of(5))).toBe(-1);
    expect(of('minimum', 3, Float64Array.of(-2))).toBe(-0.5);
    expect(of('symmetric', 0xfd)).toBe(-1.5);
  });

  it('packs codes of any width without a gap', () => {
    const next = random(3);
    for (const bits of [1, 2, 3, 4, 8]) {
      const codes = Uint8Array.from({ length: 101 }, () => Math.floor(next() * 2 ** bits));
      const packed = packBits(codes, bits);
      expect(packed.length).toBe(Math.ceil((101 * bits) / 8));
      expect(unpackBits(packed, bits, 0, 101)).toEqual(codes);
      const from = Math.floor((37 * bits) / 8);
      expect(unpackBits(packed.subarray(from), bits, 37, 20)).toEqual(codes.subarray(37, 57));
    }
  });

  it('refuses what its floats cannot hold, and names the weight', async () => {
    const values = sparse(7, 61, 'bitmap');
    values.values[values.mask.indexOf(1)] = 70_000;
    await expect(storePacked(memoryScratch(), 'outlier.weight', values)).rejects.toMatchObject({
      code: 'limit_exceeded',
      place: { tensor: 'outlier.weight' },
    });
  });
});
