/**
 * @file NF4 with double quantisation (QLoRA, arXiv 2305.14314): each block of 64 consecutive numbers by its largest, on the 16 levels of a
 * normal distribution; the largests, less their mean, in blocks of 256 on the 256 levels of an 8-bit float ("dynamic", arXiv
 * 2110.02861), with a float32 scale a block. Layout and order as bitsandbytes has them.
 */
import { pulse } from '../../pulse/pulse.ts';

export const NF4_BLOCK = 64;
export const SCALE_BLOCK = 256;

/** Quantiles of a normal distribution, scaled to −1 … 1, with an exact 0: seven below it, eight above. */
export const NF4_LEVELS: readonly number[] = [
  ...[-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635],
  ...[-0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634],
  ...[0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1],
];

/** Ascending: in each decade from 1e-6 to 1 twice as many as in the one before, with their negatives, 0 and 1. */
export const DYNAMIC_LEVELS: readonly number[] = dynamicLevels();

function dynamicLevels(): number[] {
  const levels = [0, 1];
  for (let decade = 0; decade < 7; decade++) {
    const count = 2 ** decade;
    for (let i = 0; i < count; i++) {
      const level = 10 ** (decade - 6) * (0.1 + (0.9 * (i + 0.5)) / count);
      levels.push(Math.fround(level), Math.fround(-level));
    }
  }
  return levels.sort((a, b) => a - b);
}

export interface Nf4Values {
  /** One a number, 0 … 15. */
  readonly codes: Uint8Array;
  /** One a block of numbers, into {@link DYNAMIC_LEVELS}. */
  readonly scaleCodes: Uint8Array;
  /** One a block of those. */
  readonly scaleScales: Float32Array;
  /** What was taken from the largests before they were rounded. */
  readonly mean: number;
}

/** @param W A matrix, row-major: blocks run on over the ends of rows. */
export function nf4(W: ArrayLike<number>): Nf4Values {
  const blocks = Math.ceil(W.length / NF4_BLOCK);
  const largest = new Float32Array(blocks);
  const codes = new Uint8Array(W.length);
  for (let block = 0; block < blocks; block++) {
    const end = Math.min(W.length, (block + 1) * NF4_BLOCK);
    for (let i = block * NF4_BLOCK; i < end; i++) largest[block] = Math.max(largest[block], Math.abs(W[i]));
  }
  const nearest = nearestOf(NF4_LEVELS);
  for (let i = 0; i < W.length; i++) {
    if (i % 65536 === 0) pulse();
    const scale = largest[Math.floor(i / NF4_BLOCK)];
    codes[i] = nearest(scale === 0 ? 0 : W[i] / scale);
  }
  const mean = Math.fround(largest.reduce((sum, value) => sum + value, 0) / blocks);
  const second = Math.ceil(blocks / SCALE_BLOCK);
  const scaleScales = new Float32Array(second);
  for (const [block, value] of largest.entries()) {
    const at = Math.floor(block / SCALE_BLOCK);
    scaleScales[at] = Math.max(scaleScales[at], Math.abs(value - mean));
  }
  const nearestScale = nearestOf(DYNAMIC_LEVELS);
  const scaleCodes = Uint8Array.from(largest, (value, block) => {
    const scale = scaleScales[Math.floor(block / SCALE_BLOCK)];
    return nearestScale(scale === 0 ? 0 : (value - mean) / scale);
  });
  return { codes, scaleCodes, scaleScales, mean };
}

/** The scale of each block as it is stored. */
export function nf4Scales({ scaleCodes, scaleScales, mean }: Omit<Nf4Values, 'codes'>): Float32Array {
  return Float32Array.from(
    scaleCodes,
    (code, block) => DYNAMIC_LEVELS[code] * scaleScales[Math.floor(block / SCALE_BLOCK)] + mean,
  );
}

/** What codes stand for. @param first Place of the first of them in the matrix. */
export function nf4Numbers(codes: Uint8Array, scales: Float32Array, first = 0): Float32Array {
  const numbers = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++)
    numbers[i] = NF4_LEVELS[codes[i]] * scales[Math.floor((first + i) / NF4_BLOCK)];
  return numbers;
}

/** Index of the nearest of ascending levels; of two as near, the lower. */
function nearestOf(levels: readonly number[]): (value: number) => number {
  const bounds = levels.slice(1).map((level, i) => (level + levels[i]) / 2);
  return (value) => {
    let [low, high] = [0, bounds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value > bounds[middle]) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
