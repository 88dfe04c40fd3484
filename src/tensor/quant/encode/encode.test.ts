/**
 * What the encoders write, the decoders read; and they lose no more than llama.cpp's own quantiser does on the same numbers
 * with the same importance matrix (`tools/llama_cpp/quantise_errors.py`).
 */
import { describe, expect, it } from 'vitest';
import llamaCpp from '../../../../test/fixtures/quant/llama_cpp_errors.json';
import { blockOf } from '../../dtype.ts';
import { f16Value, numberToF16 } from '../../half.ts';
import { dequantize } from '../dequantize.ts';
import { ENCODABLE_TYPES, type EncodableType, encodeBlocks } from './encode.ts';

const ROWS = 16;
const COLUMNS = 512;

function uniform(seed: number, count: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
}

const flat = uniform(1, 12 * ROWS * COLUMNS);
const even = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => {
  let sum = 0;
  for (let j = 0; j < 12; j++) sum += flat[12 * i + j];
  return sum - 6;
});
const x = even.map((value, i) => {
  const column = i % COLUMNS;
  const scaled = value * Math.fround(0.01 + 0.002 * Math.floor(i / COLUMNS));
  return column % 97 === 0 ? 4 * scaled : scaled;
});
const importance = Float32Array.from(uniform(2, COLUMNS), (value) => value ** 4 * 10 + 0.01);

function relativeError(dtype: EncodableType, weights?: Float32Array, values: Float32Array = x): number {
  const y = dequantize(encodeBlocks(values, dtype, COLUMNS, weights), dtype);
  let [error, energy] = [0, 0];
  values.forEach((value, i) => {
    const w = weights ? weights[i % COLUMNS] : 1;
    error += w * (value - y[i]) ** 2;
    energy += w * value ** 2;
  });
  return error / energy;
}

describe.each(ENCODABLE_TYPES)('%s', (dtype) => {
  it('loses no more than llama.cpp with the same importance matrix', () => {
    expect(relativeError(dtype, importance)).toBeLessThanOrEqual(llamaCpp[dtype].weighted * 1.0005);
  });

  it('loses no more than llama.cpp of values without large ones', () => {
    const ramp = Float32Array.from({ length: COLUMNS }, (_, i) => 1 + (i % 7));
    expect(relativeError(dtype, ramp, even)).toBeLessThanOrEqual(llamaCpp[dtype].even);
  });

  it('loses no more than llama.cpp without one', () => {
    expect(relativeError(dtype)).toBeLessThanOrEqual(llamaCpp[dtype].plain * 1.0005);
  });

  it('has the size of its blocks, and zeros and constants come back', () => {
    const { elements, bytes } = blockOf(dtype);
    const zeros = encodeBlocks(new Float32Array(2 * elements), dtype, 2 * elements);
    expect(zeros.byteLength).toBe(2 * bytes);
    expect(dequantize(zeros, dtype).every((value) => value === 0)).toBe(true);
    for (const constant of [0.75, -0.75]) {
      const back = dequantize(encodeBlocks(new Float32Array(elements).fill(constant), dtype, elements), dtype);
      for (const value of back) expect(Math.abs(value / constant - 1)).toBeLessThan(0.02);
    }
  });

  it('refuses rows that are no whole number of blocks', () => {
    expect(() => encodeBlocks(new Float32Array(48), dtype, 48)).toThrow(/no whole number of blocks/);
  });
});

/** Values on grids of some levels, one for each 32, as float16 holds them; not every block has the outermost codes. */
function roundedBefore(levels: number): Float32Array {
  const random = uniform(3, 32 * COLUMNS);
  const grids = uniform(4, 2 * COLUMNS);
  const half = (value: number) => f16Value(numberToF16(value));
  return Float32Array.from(random, (value, i) => {
    const run = Math.floor(i / 32);
    const d = half(0.002 + 0.01 * grids[2 * run]);
    const lowest = half(-d * (4 + 9 * grids[2 * run + 1]));
    return half(lowest + d * Math.floor((levels - (run % 3)) * value));
  });
}

describe('weights that were rounded before', () => {
  it.each([
    ['Q4_1', 16],
    ['Q4_1', 4],
    ['Q5_1', 32],
    ['Q5_1', 16],
    ['Q5_1', 8],
  ] as const)('keep their grid where %s has room for its levels: %d', (dtype, levels) => {
    // What is left is the float16 that each value was stored in.
    expect(relativeError(dtype, importance, roundedBefore(levels))).toBeLessThan(1e-7);
  });

  it.each(ENCODABLE_TYPES)('lose no more than in llama.cpp: %s', (dtype) => {
    expect(relativeError(dtype, importance, roundedBefore(16))).toBeLessThanOrEqual(llamaCpp[dtype].rounded * 1.0005);
  });
});
