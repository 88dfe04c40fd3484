/** @file Numbers of the types that parts of quantised weights have. */
import { decodeToFloat32 } from '../../../tensor/half.ts';
import { unpackLow } from '../../integers.ts';
import { decodeWide } from '../../safetensors/wide_floats.ts';
import type { StoredTensor } from '../read_tensor.ts';
import type { ReadTensor } from './virtual.ts';

const FLOATS: Readonly<Record<string, 'F32' | 'F16' | 'BF16' | undefined>> = {
  FLOAT: 'F32',
  FLOAT16: 'F16',
  BFLOAT16: 'BF16',
};
const WIDE: Readonly<Record<string, string | undefined>> = {
  DOUBLE: 'F64',
  FLOAT8E4M3FN: 'F8_E4M3',
  FLOAT8E5M2: 'F8_E5M2',
  FLOAT8E8M0: 'F8_E8M0',
};
const INTEGERS: Readonly<Record<string, { bits: number; isSigned: boolean } | undefined>> = {
  UINT2: { bits: 2, isSigned: false },
  INT2: { bits: 2, isSigned: true },
  UINT4: { bits: 4, isSigned: false },
  INT4: { bits: 4, isSigned: true },
  UINT8: { bits: 8, isSigned: false },
  INT8: { bits: 8, isSigned: true },
};

export function isFloat({ type }: StoredTensor): boolean {
  return FLOATS[type.name] !== undefined || type.name === 'DOUBLE';
}

export function isDecodable({ type: { name } }: StoredTensor): boolean {
  return FLOATS[name] !== undefined || WIDE[name] !== undefined || INTEGERS[name] !== undefined || WORDS[name] === true;
}

const WORDS: Readonly<Record<string, boolean | undefined>> = { INT16: true, UINT16: true, INT32: true };

/** Elements `first … first + count`, in row-major order. */
export async function readNumbers(
  tensor: StoredTensor,
  first: number,
  count: number,
  read: ReadTensor,
): Promise<Float64Array> {
  const { name, bits = 8 } = tensor.type;
  const from = Math.floor((first * bits) / 8);
  const bytes = (await read(tensor, from, Math.ceil(((first + count) * bits) / 8) - from)).slice();
  const float = FLOATS[name];
  if (float) return Float64Array.from(decodeToFloat32(bytes, float));
  if (name === 'INT16') return Float64Array.from(new Int16Array(bytes.buffer));
  if (name === 'UINT16') return Float64Array.from(new Uint16Array(bytes.buffer));
  if (name === 'INT32') return Float64Array.from(new Int32Array(bytes.buffer));
  const integer = INTEGERS[name];
  if (!integer) return Float64Array.from(decodeWide(bytes, WIDE[name] ?? name));
  const skipped = first - (from * 8) / bits;
  const codes = unpackLow(bytes, bits).subarray(skipped, skipped + count);
  const half = 2 ** (bits - 1);
  const numbers = new Float64Array(codes);
  return integer.isSigned ? numbers.map((code) => (code >= half ? code - 2 * half : code)) : numbers;
}
