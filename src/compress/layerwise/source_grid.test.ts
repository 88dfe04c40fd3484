/** Codes that a file has, in packings with room for them: every even block type, and integers of other tools. */
import { describe, expect, it } from 'vitest';
import type { WeightOutline } from '../../models/decoder_model.ts';
import { dense } from '../../models/packed/dense.ts';
import type { Grouped } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { type EncodableType, encodeBlocks } from '../../tensor/quant/encode/encode.ts';
import { toHalf } from '../solvers/grid.ts';
import { nearestValues } from '../solvers/packed_values.ts';
import { int8Groups } from '../solvers/rtn.ts';
import { sourceIntegers } from './source_blocks.ts';

const [ROWS, COLUMNS] = [3, 512];
const grouped = (bits: Grouped['bits'], group: number | 'row', zero: Grouped['zero']): Grouped => ({
  ...{ kind: 'grouped', bits, group, zero, scale: 'F16' },
});

/** Skewed to both sides, so that scales of either sign and minimums of any size come about. */
const floats = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => 0.1 * Math.sin(i * i) + 0.05 * Math.cos(i / 40));

function source(dtype: EncodableType) {
  const blocks = encodeBlocks(Float64Array.from(floats), dtype, COLUMNS);
  const W = Float64Array.from(decodeStored(blocks, dtype));
  const outline: WeightOutline = { name: 'w', shape: [ROWS, COLUMNS], dtype };
  return { W, rows: ROWS, columns: COLUMNS, source: outline, blocks };
}

const largest = (of: ArrayLike<number>) => Array.from(of).reduce((most, each) => Math.max(most, Math.abs(each)), 0);
const apart = (a: ArrayLike<number>, b: ArrayLike<number>) => largest(Array.from(a, (each, i) => each - b[i]));

describe('codes of a file', () => {
  it.each([
    ['Q4_0', 4, 32, 'integer'],
    ['Q5_0', 8, 32, 'integer'],
    ['Q8_0', 8, 32, 'symmetric'],
    ['Q8_0', 8, 16, 'integer'],
    ['IQ4_NL', 8, 32, 'integer'],
    ['Q4_1', 4, 16, 'minimum'],
    ['Q5_1', 8, 32, 'minimum'],
  ] as const)('%s in %d bits, groups of %d, %s: the very numbers', async (dtype, bits, group, zero) => {
    const linear = source(dtype);
    const found = await sourceIntegers(linear, grouped(bits, group, zero));
    // −0 is 0.
    expect(Array.from(dense(found!), (value) => value + 0)).toEqual(Array.from(linear.W, (value) => value + 0));
  });

  it.each([
    ['Q2_K', 2, 16, 'minimum'],
    ['Q3_K', 3, 16, 'integer'],
    ['Q4_K', 4, 32, 'minimum'],
    ['Q5_K', 8, 32, 'minimum'],
    ['Q6_K', 8, 16, 'integer'],
  ] as const)('%s in %d bits, groups of %d, %s: but for scales in float16', async (dtype, bits, group, zero) => {
    const linear = source(dtype);
    const found = await sourceIntegers(linear, grouped(bits, group, zero));
    expect(apart(dense(found!), linear.W)).toBeLessThan(2 ** -10 * largest(linear.W));
  });

  it('are nearer than a grid that is fitted to their numbers', async () => {
    const linear = source('Q4_K');
    const packing = grouped(4, 32, 'minimum');
    const [own, fitted] = [(await sourceIntegers(linear, packing))!, nearestValues(linear.W, ROWS, COLUMNS, packing)];
    expect(10 * apart(dense(own), linear.W)).toBeLessThan(apart(dense(fitted), linear.W));
  });

  it.each([
    ['Q4_1', 3, 32, 'minimum', 'fewer bits'],
    ['Q4_0', 4, 64, 'integer', 'wider groups'],
    ['Q4_0', 4, 32, 'minimum', 'another zero'],
    ['MXFP4', 8, 32, 'integer', 'an uneven grid'],
  ] as const)('%s has no room in int%d g%d %s: %s', async (dtype, bits, group, zero, _) => {
    expect(await sourceIntegers(source(dtype), grouped(bits, group, zero))).toBeUndefined();
  });

  it('are not asked for where a step has moved a weight', async () => {
    const linear = source('Q4_1');
    linear.W[7] += 1e-3;
    expect(await sourceIntegers(linear, grouped(4, 32, 'minimum'))).toBeUndefined();
  });
});

describe('integers of other tools', () => {
  /** Neither end of the range is reached: a grid that is fitted anew is another one. */
  function packed(bits: Grouped['bits'], group: number | 'row', zero: 'symmetric' | 'integer') {
    const size = group === 'row' ? COLUMNS : group;
    const groups = COLUMNS / size;
    const middle = 2 ** (bits - 1);
    const codes = Uint8Array.from(
      { length: ROWS * COLUMNS },
      (_, i) => ((i * 7) % (2 ** bits - 4)) + 3 - (zero === 'symmetric' ? middle : 0),
    );
    const scales = Float64Array.from({ length: ROWS * groups }, (_, i) => toHalf(0.01 + i / 900));
    const values: GroupedValues = {
      ...{ packing: grouped(bits, group, zero), rows: ROWS, columns: COLUMNS, codes, scales },
      ...(zero === 'integer' && { zeros: scales.map((_, i) => middle - (i % 2)) }),
    };
    const outline: WeightOutline = { name: 'w', shape: [ROWS, COLUMNS], dtype: 'F32', packed: values.packing };
    const W = Float64Array.from(dense(values));
    return { W, rows: ROWS, columns: COLUMNS, source: outline, unpack: async () => values };
  }

  it.each([
    ['GPTQ with zero points', packed(4, 32, 'integer'), grouped(4, 32, 'integer')],
    ['a scale a row, in groups', packed(4, 'row', 'integer'), grouped(4, 128, 'integer')],
    ['symmetric ones of 4 bits', packed(4, 32, 'symmetric'), grouped(4, 32, 'integer')],
    ['8 bits a row', packed(8, 'row', 'symmetric'), { ...grouped(8, 'row', 'symmetric'), scale: 'F32' } as const],
    ['3 bits in 4', packed(3, 64, 'integer'), grouped(4, 64, 'integer')],
  ])('%s: the very numbers', async (_, linear, packing) => {
    expect(dense((await sourceIntegers(linear, packing))!)).toEqual(new Float32Array(linear.W));
    expect(dense(nearestValues(linear.W, ROWS, COLUMNS, packing))).not.toEqual(new Float32Array(linear.W));
  });

  it('are fitted anew where a float32 scale is too small for float16', async () => {
    const { source: outline, unpack } = packed(4, 32, 'integer');
    const values = { ...(await unpack()), packing: { ...grouped(4, 32, 'integer'), scale: 'F32' as const } };
    const of = (scale: number) => ({ ...values, scales: values.scales.map(() => Math.fround(scale)) });
    const asked = (scale: number) => ({
      ...{ W: Float64Array.from(dense(of(scale))), rows: ROWS, columns: COLUMNS },
      ...{ source: { ...outline, packed: values.packing }, unpack: async () => of(scale) },
    });
    expect(await sourceIntegers(asked(0.0123), grouped(4, 32, 'integer'))).toBeDefined();
    expect(await sourceIntegers(asked(1.3e-7), grouped(4, 32, 'integer'))).toBeUndefined();
  });
});

it('8 bits in symmetric groups have a float16 scale each', () => {
  const W = Float64Array.from(floats);
  const { codes, scales } = int8Groups(W, ROWS, COLUMNS, 32, toHalf);
  expect(scales.length).toBe((ROWS * COLUMNS) / 32);
  expect(scales.map(toHalf)).toEqual(scales);
  W.forEach((value, i) => {
    expect(Math.abs(value - codes[i] * scales[Math.floor(i / 32)])).toBeLessThanOrEqual(
      0.51 * scales[Math.floor(i / 32)] + Math.abs(value) / 1024,
    );
  });
});
