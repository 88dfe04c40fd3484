/**
 * @file Rows of codes in blocks, as MatMulNBits (onnxruntime/docs/ContribOperators.md) and GatherBlockQuantized have them:
 * value = (code − zero_point) · scale, 8 ∕ bits codes a byte, lowest bits first; each row of codes and of zero points begins a byte.
 */
import type { RowRange } from '../../checkpoint.ts';
import { type IntegerRows, integerValues, type StoredIntegers, signedCodes, unpackLow } from '../../integers.ts';
import type { StoredTensor } from '../read_tensor.ts';
import { isFloat, readNumbers } from './numbers.ts';
import { type ReadTensor, type VirtualTensor, virtualTensor } from './virtual.ts';

export interface BlockCodes {
  readonly rows: number;
  readonly columns: number;
  readonly bits: 2 | 4 | 8;
  readonly block: number;
  /** Codes of a row fill whole blocks, or only its columns. */
  readonly padded: boolean;
  /** UINT8; or two's complement codes (INT4), whose zero is 0 where there is no zero point. */
  readonly codes: StoredTensor;
  readonly isSigned?: boolean;
  readonly scales: StoredTensor;
  /** Codes as the codes are, or floats. */
  readonly zeros?: StoredTensor;
  /** Where there are no zero points; absent: the middle of the codes. */
  readonly default_zero?: number;
}

/** Bytes of a row of codes. */
export function codeRowBytes({ columns, bits, block, padded }: BlockCodes): number {
  const codes = padded ? Math.ceil(columns / block) * block : columns;
  return Math.ceil((codes * bits) / 8);
}

export function zeroRowBytes({ columns, bits, block }: BlockCodes): number {
  return Math.ceil((Math.ceil(columns / block) * bits) / 8);
}

export function blockTensor(name: string, from: BlockCodes): VirtualTensor {
  const { rows, columns, bits, block, codes, scales, zeros, isSigned, default_zero = 2 ** (bits - 1) } = from;
  const parts = [codes, scales, ...(zeros ? [zeros] : [])];
  const group = block >= columns ? ('row' as const) : block;
  // Signed and middle-zeroed codes are the same numbers.
  const zero = !zeros && (isSigned ? 0 : 2 ** (bits - 1)) === default_zero ? 'symmetric' : 'integer';
  const scale = scales.type.name === 'FLOAT16' ? 'F16' : 'F32';
  const read = (range: RowRange, tensor: ReadTensor) => readBlocks(from, zero, range, tensor);
  const integers = (tensor: ReadTensor): StoredIntegers => ({
    ...{ bits, group, zero, scale },
    read: (range) => read(range, tensor),
  });
  return virtualTensor(name, [rows, columns], parts, {
    label: `int${bits}${group === 'row' ? ' row' : ` g${group}`}`,
    rows: async (range, tensor) => integerValues(await read(range, tensor), { group, zero }),
    // Float zero points are no codes, and signed codes with zero points are none of a packing's.
    ...(!(zeros && (isFloat(zeros) || isSigned)) && { integers }),
  });
}

async function readBlocks(
  from: BlockCodes,
  zero: StoredIntegers['zero'],
  { start, end }: RowRange,
  read: ReadTensor,
): Promise<IntegerRows> {
  const { columns, bits, block, isSigned = false } = from;
  const rows = end - start;
  const bytes = codeRowBytes(from);
  const stored = await read(from.codes, start * bytes, rows * bytes);
  const found = rowsOfCodes(unpackLow(stored, bits), rows, (bytes * 8) / bits, columns);
  const blocks = Math.ceil(columns / block);
  const scales = await readNumbers(from.scales, start * blocks, rows * blocks, read);
  if (zero === 'symmetric') {
    const codes = isSigned
      ? found.map((code) => ((code << (8 - bits)) << 24) >> (32 - bits))
      : signedCodes(found, bits);
    return { rows, columns, codes, scales };
  }
  const half = isSigned ? 2 ** (bits - 1) : 0;
  // Signed codes moved by half, and their zeros with them, are unsigned.
  const codes = isSigned ? found.map((code) => (code ^ half) & (2 * half - 1)) : found;
  const zeros = (await readZeros(from, { start, end }, read)).map((value) => value + half);
  return { rows, columns, codes, scales, zeros };
}

async function readZeros(from: BlockCodes, { start, end }: RowRange, read: ReadTensor): Promise<Float64Array> {
  const { zeros, bits, columns, block, isSigned, default_zero = 2 ** (bits - 1) } = from;
  const blocks = Math.ceil(columns / block);
  const rows = end - start;
  if (!zeros) return new Float64Array(rows * blocks).fill(default_zero);
  if (isFloat(zeros) || isSigned || zeros.type.name !== 'UINT8') {
    return readNumbers(zeros, start * blocks, rows * blocks, read);
  }
  const bytes = zeroRowBytes(from);
  const stored = unpackLow(await read(zeros, start * bytes, rows * bytes), bits);
  return Float64Array.from(rowsOfCodes(stored, rows, (bytes * 8) / bits, blocks));
}

/** Rows of `stored` codes, cut to `columns`. */
function rowsOfCodes(codes: Uint8Array, rows: number, stored: number, columns: number): Uint8Array {
  if (stored === columns) return codes.subarray(0, rows * columns);
  const out = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) out.set(codes.subarray(row * stored, row * stored + columns), row * columns);
  return out;
}
