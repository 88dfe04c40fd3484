import { describe, expect, it } from 'vitest';
import { f16ToNumber } from '../../tensor/half.ts';
import { type Bits, BLOCK_SIZE, blocksOf, dequantizeRows, quantizeRows } from './blocks.ts';
import { packCodes, packZeroPoints } from './pack.ts';

/** Uniform in [0, 1), seeded (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Rows whose blocks differ in size, in where zero lies, and in outliers. */
function samples(rows: number, columns: number): Float32Array {
  const random = seeded(5);
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const row = Math.floor(i / columns);
    const size = 10 ** ((row % 9) - 5);
    const shift = [0, 0.4, -0.4, 1, -1][row % 5];
    const outlier = random() < 0.02 ? 5 : 1;
    return size * outlier * (2 * random() - 1 + shift);
  });
}

describe('quantizeRows', () => {
  for (const bits of [4, 8] as Bits[]) {
    for (const columns of [64, 70, 31, 1]) {
      it(`is off by at most half a step: ${bits} bits, rows of ${columns}`, () => {
        const rows = 45;
        const values = samples(rows, columns);
        const quantized = quantizeRows(values, rows, columns, bits);
        const found = dequantizeRows(quantized);
        const blocks = blocksOf(columns);
        let worst = 0;
        for (let i = 0; i < values.length; i++) {
          const row = Math.floor(i / columns);
          const block = row * blocks + Math.floor((i % columns) / BLOCK_SIZE);
          const step = f16ToNumber(quantized.scales[block]);
          worst = Math.max(worst, Math.abs(found[i] - values[i]) / step);
        }
        expect(worst).toBeLessThanOrEqual(0.5 * (1 + 1e-6));
        expect(worst).toBeGreaterThan(columns === 1 ? 0.01 : 0.3);
      });
    }

    it(`takes no larger step than the range of a block asks for: ${bits} bits`, () => {
      const rows = 45;
      const values = samples(rows, BLOCK_SIZE);
      const { scales } = quantizeRows(values, rows, BLOCK_SIZE, bits);
      for (let row = 0; row < rows; row++) {
        const block = values.subarray(row * BLOCK_SIZE, (row + 1) * BLOCK_SIZE);
        const largest = Math.max(...block.map(Math.abs));
        // A symmetric range needs at most largest/(2^(bits − 1) − 1/2); f16 rounds up by 2⁻¹⁰, or one subnormal unit.
        const most = (largest / (2 ** (bits - 1) - 0.5)) * (1 + 2 ** -10) + 2 ** -24;
        expect(f16ToNumber(scales[row])).toBeLessThanOrEqual(most);
      }
    });
  }

  it('never does worse with 4 bits than the symmetric range, and better on one-sided blocks', () => {
    const random = seeded(9);
    const values = Float32Array.from({ length: 20 * BLOCK_SIZE }, (_, i) => random() - (i % 2 ? 0 : 0.02));
    const error = (found: ArrayLike<number>) =>
      values.reduce((sum, value, i) => sum + (value - found[i]) ** 2, 0) / values.length;
    const found = dequantizeRows(quantizeRows(values, 20, BLOCK_SIZE, 4));
    const symmetric = values.map((value, i) => {
      const block = values.subarray(i - (i % BLOCK_SIZE), i - (i % BLOCK_SIZE) + BLOCK_SIZE);
      const step = Math.max(Math.max(...block) / 7.5, -Math.min(...block) / 8);
      return step * Math.min(7, Math.max(-8, Math.round(value / step)));
    });
    expect(error(found)).toBeLessThan(0.5 * error(symmetric));
  });

  it('keeps values that lie on the codes, zeros and single values exactly', () => {
    const onCodes = Float32Array.from({ length: BLOCK_SIZE }, (_, i) => 0.25 * ((i % 16) - 8));
    expect(dequantizeRows(quantizeRows(onCodes, 1, BLOCK_SIZE, 4))).toEqual(onCodes);
    const zeros = new Float32Array(40);
    expect(dequantizeRows(quantizeRows(zeros, 1, 40, 4)).every((value) => value === 0)).toBe(true);
    expect(dequantizeRows(quantizeRows([-8], 1, 1, 4))).toEqual(Float32Array.of(-8));
  });

  it('refuses what no code can stand for', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => quantizeRows([1, value], 1, 2, 8)).toThrow(expect.objectContaining({ code: 'non_finite_weights' }));
    }
    expect(() => quantizeRows([1e9], 1, 1, 8)).toThrow(expect.objectContaining({ code: 'export_failed' }));
  });
});

describe('packing', () => {
  it('puts the first of two 4-bit codes into the low half, and starts a byte with each row of zero points', () => {
    // Three blocks a row: an odd number of zero points.
    const quantized = quantizeRows(samples(5, 70), 5, 70, 4);
    const codes = packCodes(quantized);
    expect(codes.length).toBe(5 * 3 * 16);
    const unpacked = Uint8Array.from({ length: codes.length * 2 }, (_, i) => (codes[i >> 1] >> (4 * (i & 1))) & 15);
    expect(unpacked).toEqual(quantized.codes);
    const zeroPoints = packZeroPoints(quantized);
    expect(zeroPoints.length).toBe(5 * 2);
    for (let row = 0; row < 5; row++) {
      for (let block = 0; block < 3; block++) {
        const found = (zeroPoints[2 * row + (block >> 1)] >> (4 * (block & 1))) & 15;
        expect(found).toBe(quantized.zero_points[3 * row + block]);
      }
    }
  });

  it('keeps 8-bit codes a byte each', () => {
    const quantized = quantizeRows(samples(2, 40), 2, 40, 8);
    expect(packCodes(quantized)).toEqual(quantized.codes);
  });
});
