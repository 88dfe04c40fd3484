/**
 * @file Values of the float types that Whittle widens while it reads: F64 and the 8-bit floats of the OCP specification
 * (OFP8: E4M3 and E5M2), their "finite, unsigned zero" variants, and the exponent-only scales of OCP MX (E8M0).
 */

interface Float8 {
  readonly fraction_bits: number;
  readonly bias: number;
  /** What the codes of the largest exponent mean: numbers save for NaN in the last, as in IEEE 754, or all numbers. */
  readonly top: 'nan_last' | 'ieee' | 'numbers';
}

const FLOAT8: Readonly<Record<string, Float8>> = {
  F8_E4M3: { fraction_bits: 3, bias: 7, top: 'nan_last' },
  F8_E5M2: { fraction_bits: 2, bias: 15, top: 'ieee' },
  F8_E4M3FNUZ: { fraction_bits: 3, bias: 8, top: 'numbers' },
  F8_E5M2FNUZ: { fraction_bits: 2, bias: 16, top: 'numbers' },
};

/** Types of {@link decodeWide}. */
export const WIDENED_TYPES: readonly string[] = [...Object.keys(FLOAT8), 'F64'];

export function isFloat8(dtype: string): boolean {
  return Object.hasOwn(FLOAT8, dtype);
}

const tables = new Map<string, Float32Array>();

/** The 256 values of an 8-bit float type, by code. */
export function float8Table(dtype: string): Float32Array {
  const known = tables.get(dtype);
  if (known) return known;
  const table = Float32Array.from({ length: 256 }, (_, code) =>
    dtype === 'F8_E8M0' ? (code === 0xff ? Number.NaN : 2 ** (code - 127)) : float8ToNumber(FLOAT8[dtype], code),
  );
  tables.set(dtype, table);
  return table;
}

function float8ToNumber({ fraction_bits, bias, top }: Float8, code: number): number {
  const largest_exponent = (1 << (7 - fraction_bits)) - 1;
  const exponent = (code & 0x7f) >> fraction_bits;
  const fraction = code & ((1 << fraction_bits) - 1);
  const sign = code & 0x80 ? -1 : 1;
  // Where zero has no sign, the code of −0 is the only NaN.
  if (top === 'numbers' && code === 0x80) return Number.NaN;
  if (top === 'nan_last' && (code & 0x7f) === 0x7f) return Number.NaN;
  if (top === 'ieee' && exponent === largest_exponent) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  const significand = exponent === 0 ? fraction : fraction + (1 << fraction_bits);
  return sign * significand * 2 ** (Math.max(exponent, 1) - bias - fraction_bits);
}

/** Little-endian stored bytes of F64 or an 8-bit float type as f32, each rounded once. */
export function decodeWide(bytes: Uint8Array, dtype: string): Float32Array {
  if (dtype === 'F64') {
    const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
    return Float32Array.from(new Float64Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 8));
  }
  const table = float8Table(dtype);
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) values[i] = table[bytes[i]];
  return values;
}
