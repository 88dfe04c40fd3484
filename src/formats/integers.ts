/**
 * @file Matrices that a file holds as whole numbers with scales, whatever packs them: each format has its reader, which gives
 * rows of codes; the numbers that they stand for are made here, and the canonical model keeps the codes for its exports.
 */
import { encodeFromFloat } from '../tensor/half.ts';
import type { RowRange } from './checkpoint.ts';

export interface StoredIntegers {
  readonly bits: 2 | 3 | 4 | 8;
  /** Consecutive columns that share a scale; the last group of a row may be shorter. `row`: all of them. */
  readonly group: number | 'row';
  /** `symmetric`: codes are signed, value = scale · code; `integer`: value = scale · (code − zero), both below 2^bits. */
  readonly zero: 'symmetric' | 'integer';
  readonly scale: 'F16' | 'F32';
  /** Columns are stored in an order of their own. */
  readonly ordered?: boolean;
  read(rows: RowRange): Promise<IntegerRows>;
}

/** Rows of a matrix (rows, columns), row-major. */
export interface IntegerRows {
  readonly rows: number;
  readonly columns: number;
  /** One a byte; of `symmetric` ones the byte is two's complement. */
  readonly codes: Uint8Array;
  /** (rows, groups). */
  readonly scales: Float64Array;
  /** (rows, groups), where codes are not symmetric. */
  readonly zeros?: Float64Array;
  /** (columns): column j of the codes is column order[j] of the matrix. */
  readonly order?: Uint16Array;
}

export function groupsIn(columns: number, group: number | 'row'): number {
  return group === 'row' ? 1 : Math.ceil(columns / group);
}

/** F32 of (code − zero) · scale, rounded once. @param zero `symmetric`: codes are signed bytes. */
export function integerValues(
  { rows, columns, codes, scales, zeros, order }: IntegerRows,
  { group, zero }: Pick<StoredIntegers, 'group' | 'zero'>,
): Float32Array {
  const out = new Float32Array(rows * columns);
  const size = group === 'row' ? Math.max(1, columns) : group;
  const groups = groupsIn(columns, group);
  const signed = zero === 'symmetric' ? new Int8Array(codes.buffer, codes.byteOffset, codes.length) : undefined;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * groups + Math.floor(column / size);
      const i = row * columns + column;
      const value = signed ? signed[i] : codes[i] - (zeros ? zeros[at] : 0);
      out[order ? row * columns + order[column] : i] = scales[at] * value;
    }
  }
  return out;
}

/** The same as bytes of F32. */
export async function readIntegerRows(integers: StoredIntegers, rows: RowRange): Promise<Uint8Array> {
  return encodeFromFloat(integerValues(await integers.read(rows), integers), 'F32');
}

/** Unsigned codes with the middle as their zero, as signed ones: two's complement in a byte each. */
export function signedCodes(codes: Uint8Array, bits: number): Uint8Array {
  const half = 2 ** (bits - 1);
  return codes.map((code) => code - half);
}

/** Codes of 8 ∕ bits a byte, the first in the lowest bits. */
export function unpackLow(bytes: Uint8Array, bits: number): Uint8Array {
  if (bits === 8) return bytes;
  const each = 8 / bits;
  const mask = 2 ** bits - 1;
  const codes = new Uint8Array(bytes.length * each);
  for (let i = 0; i < codes.length; i++) codes[i] = (bytes[Math.floor(i / each)] >> (bits * (i % each))) & mask;
  return codes;
}
