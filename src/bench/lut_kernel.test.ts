/** LUT-GEMM against the sum in f64. */
import { describe, expect, it } from 'vitest';
import { normalisedError, randomIds, randomValues } from '../backend/testing.ts';
import { f16ToNumber, numberToF16 } from '../tensor/half.ts';
import { benchLut } from './lut.ts';
import { createLutKernel, LUT_BLOCK, LUT_ROWS, TABLE_BYTES, writeTable, writeTile } from './lut_kernel.ts';

const ROWS = 48;
const BLOCKS = 3;
const K = BLOCKS * LUT_BLOCK;

it('is timed beside the plain loops', () => {
  const { plain_ms, lut_ms, ratio } = benchLut({ k: 576, n: 32, bits: 2 });
  expect(plain_ms).toBeGreaterThan(0);
  expect(ratio).toBe(plain_ms / lut_ms);
});

describe.each([2, 3, 4] as const)('%i bits', (bits) => {
  it('gives the products of a row with every row of codes', () => {
    const memory = new WebAssembly.Memory({ initial: 4 });
    const kernel = createLutKernel(bits, memory);
    const x = Float32Array.from(randomValues(K, 1));
    const codes = randomIds(ROWS * K, 2 ** bits, 2);
    const half = (value: number) => f16ToNumber(numberToF16(value));
    const scales = randomValues(ROWS * BLOCKS, 3).map(half);
    const minimums = randomValues(ROWS * BLOCKS, 4).map(half);
    const [at, scale_at, minimum_at, table_at, more_at, sum_at, y] = [0, 16384, 32768, 49152, 65536, 66560, 67584];
    const halves = (from: number) => new Uint16Array(memory.buffer, from, ROWS * BLOCKS);
    const numbers = (from: number, count: number) => new Float32Array(memory.buffer, from, count);
    for (let tile = 0; tile < ROWS / LUT_ROWS; tile++) {
      for (let block = 0; block < BLOCKS; block++) {
        const index = tile * BLOCKS + block;
        const part = Array.from({ length: LUT_ROWS * LUT_BLOCK }, (_, i) => {
          const row = tile * LUT_ROWS + Math.floor(i / LUT_BLOCK);
          return codes[row * K + block * LUT_BLOCK + (i % LUT_BLOCK)];
        });
        writeTile(part, bits, new Uint8Array(memory.buffer, at + index * 64 * bits, 64 * bits));
        for (let lane = 0; lane < LUT_ROWS; lane++) {
          const group = (tile * LUT_ROWS + lane) * BLOCKS + block;
          halves(scale_at)[index * LUT_ROWS + lane] = numberToF16(scales[group]);
          // The table's sums are taken from the middle of the codes.
          const middle = minimums[group] + (scales[group] * (2 ** bits - 1)) / 2;
          halves(minimum_at)[index * LUT_ROWS + lane] = numberToF16(middle);
          minimums[group] = half(middle) - (scales[group] * (2 ** bits - 1)) / 2;
        }
      }
    }
    for (let block = 0; block < BLOCKS; block++) {
      const table = new Uint8Array(memory.buffer, table_at + block * TABLE_BYTES, TABLE_BYTES);
      numbers(more_at, BLOCKS)[block] = writeTable(x, block * LUT_BLOCK, table);
      numbers(sum_at, BLOCKS)[block] = x
        .subarray(block * LUT_BLOCK, (block + 1) * LUT_BLOCK)
        .reduce((a, b) => a + b, 0);
    }
    kernel.dot_tiles(y, y + 4 * ROWS, at, scale_at, minimum_at, table_at, more_at, sum_at, BLOCKS);
    const expected = Float64Array.from({ length: ROWS }, (_, row) => {
      let sum = 0;
      for (let i = 0; i < K; i++) {
        const group = row * BLOCKS + Math.floor(i / LUT_BLOCK);
        sum += (scales[group] * codes[row * K + i] + minimums[group]) * x[i];
      }
      return sum;
    });
    expect(normalisedError(numbers(y, ROWS), expected)).toBeLessThan(1e-9);
  });
});
