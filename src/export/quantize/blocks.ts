/**
 * @file Round-to-nearest quantisation of matrix rows in blocks, as ONNX Runtime's MatMulNBits reads them:
 * `value = (code − zero_point) · scale`.
 *
 * A scale is a number that f16 has, rounded up, so that the codes always span the block: every value is off by at most half
 * a step, and (code − zero_point) · scale is exact in f32 wherever it is computed.
 */

import { WhittleError } from '../../errors/errors.ts';
import { pulse } from '../../pulse/pulse.ts';
import { f16ToNumber, numberToF16 } from '../../tensor/half.ts';

/** Values of a row that share a scale, where nobody asked for another size. */
export const BLOCK_SIZE = 32;

export type Bits = 2 | 4 | 8;

/** Blocks of one row; the last one may be partly filled. */
export function blocksOf(columns: number, block_size = BLOCK_SIZE): number {
  return Math.ceil(columns / block_size);
}

/** Rows quantised: `blocks` blocks of `block_size` codes each, padded with zero points. */
export interface QuantizedRows {
  readonly bits: Bits;
  readonly rows: number;
  readonly columns: number;
  readonly block_size: number;
  /** (rows, blocks · block_size), one code a byte. */
  readonly codes: Uint8Array;
  /** (rows, blocks), binary16. */
  readonly scales: Uint16Array;
  /** (rows, blocks); 2^(bits − 1) wherever the range of the codes is symmetric. */
  readonly zero_points: Uint8Array;
}

/**
 * Quantises `values` (rows, columns). With fewer than 8 bits each block takes the better of a symmetric range, which has zero in the
 * middle, and an asymmetric one, which reaches from its least to its largest value; with 8 bits all are symmetric.
 * @throws `non_finite_weights`, and `export_failed` for values that no f16 scale reaches.
 */
export function quantizeRows(
  values: ArrayLike<number>,
  rows: number,
  columns: number,
  bits: Bits,
  block_size = BLOCK_SIZE,
): QuantizedRows {
  const blocks = blocksOf(columns, block_size);
  const codes = new Uint8Array(rows * blocks * block_size);
  const scales = new Uint16Array(rows * blocks);
  const zero_points = new Uint8Array(rows * blocks);
  const best = new BlockQuantizer(values, bits, block_size);
  for (let row = 0; row < rows; row++) {
    pulse();
    for (let block = 0; block < blocks; block++) {
      const start = row * columns + block * block_size;
      const end = Math.min(start + block_size, (row + 1) * columns);
      const at = row * blocks + block;
      const range = best.quantize(start, end, codes, at * block_size);
      scales[at] = range.scale_bits;
      zero_points[at] = range.zero_point;
    }
  }
  return { bits, rows, columns, block_size, codes, scales, zero_points };
}

/** The values that the codes stand for, (rows, columns); exact in f32. */
export function dequantizeRows({ rows, columns, block_size, codes, scales, zero_points }: QuantizedRows): Float32Array {
  const blocks = blocksOf(columns, block_size);
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    pulse();
    for (let block = 0; block < blocks; block++) {
      const at = row * blocks + block;
      const scale = f16ToNumber(scales[at]);
      const zero_point = zero_points[at];
      const start = row * columns + block * block_size;
      const count = Math.min(block_size, columns - block * block_size);
      for (let i = 0; i < count; i++) values[start + i] = (codes[at * block_size + i] - zero_point) * scale;
    }
  }
  return values;
}

interface Range {
  scale: number;
  scale_bits: number;
  zero_point: number;
}

class BlockQuantizer {
  private readonly other: Uint8Array;

  constructor(
    private readonly values: ArrayLike<number>,
    private readonly bits: Bits,
    private readonly block_size: number,
  ) {
    this.other = new Uint8Array(block_size);
  }

  /** Codes of values `start … end` at `to`, padded to a whole block, and their range. */
  quantize(start: number, end: number, codes: Uint8Array, to: number): Range {
    const { low, high } = this.extremes(start, end);
    const half = 2 ** (this.bits - 1);
    // Codes −half … half − 1; half a step beyond the last one still rounds to it.
    const symmetric = rangeOf(Math.max(-low / half, high / (half - 0.5)), () => half);
    const error = this.encode(start, end, symmetric, codes, to);
    if (this.bits === 8) return symmetric;
    const asymmetric = rangeOf((high - low) / (2 * half - 1), (scale) => Math.round(-low / scale));
    if (this.encode(start, end, asymmetric, this.other, 0) >= error) return symmetric;
    codes.set(this.other, to);
    return asymmetric;
  }

  private extremes(start: number, end: number): { low: number; high: number } {
    let low = 0;
    let high = 0;
    for (let i = start; i < end; i++) {
      const value = this.values[i];
      if (!Number.isFinite(value)) throw notFinite(value);
      if (value < low) low = value;
      else if (value > high) high = value;
    }
    return { low, high };
  }

  /** @returns The sum of squared errors. */
  private encode(start: number, end: number, { scale, zero_point }: Range, codes: Uint8Array, to: number): number {
    const largest = 2 ** this.bits - 1;
    const inverse = scale === 0 ? 0 : 1 / scale;
    let sum = 0;
    const { values } = this;
    for (let i = start; i < end; i++) {
      const value = values[i];
      const code = Math.min(largest, Math.max(0, Math.round(value * inverse) + zero_point));
      codes[to + i - start] = code;
      const error = value - (code - zero_point) * scale;
      sum += error * error;
    }
    if (end - start < this.block_size) codes.fill(zero_point, to + end - start, to + this.block_size);
    return sum;
  }
}

/** The least f16 scale that is not below `scale`. */
function rangeOf(scale: number, zeroPoint: (scale: number) => number): Range {
  let scale_bits = numberToF16(scale);
  if (f16ToNumber(scale_bits) < scale) scale_bits++;
  const rounded = f16ToNumber(scale_bits);
  if (!Number.isFinite(rounded)) throw tooLarge(scale);
  // A block of zeros: any zero point does, and no division by its scale.
  return { scale: rounded, scale_bits, zero_point: rounded === 0 ? 0 : zeroPoint(rounded) };
}

function notFinite(value: number): WhittleError {
  return new WhittleError({
    code: 'non_finite_weights',
    message: `A weight is ${value}, which cannot be quantised.`,
    allowed: 'finite numbers',
    action: 'Choose f32, or fetch the model again: its weights are damaged.',
  });
}

function tooLarge(scale: number): WhittleError {
  return new WhittleError({
    code: 'export_failed',
    message: `A block of weights needs a quantisation step of ${scale.toPrecision(3)}.`,
    allowed: 'at most 65504, the largest f16',
    action: 'Choose f16 or f32 instead.',
  });
}
