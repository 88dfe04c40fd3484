/**
 * @file Stored float formats ⇄ numbers: IEEE 754 binary16 (F16), bfloat16 (BF16) and binary32 (F32), little-endian.
 *
 * Encoding rounds once, from the f64 number given, to nearest with ties to even; what is too large becomes infinite.
 * (Rounding f64 → f32 → f16 would round twice and miss by one unit near ties.)
 */
import { WhittleError } from '../errors/errors.ts';
import { bytesPerElement, type FloatType } from './dtype.ts';

const word = new DataView(new ArrayBuffer(8));

/** Adding and subtracting 2^52 rounds a non-negative f64 below 2^51 to a whole number, ties to even. */
const ROUND = 2 ** 52;

/** From here on a number is infinite as binary16: 65504, the largest, and half a unit in its last place. */
export const F16_LIMIT = 65520;

/** Whether every value is finite as binary16: what is stored with a NaN or an overflow keeps it in F32, where it is found. */
export function fitInHalf(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]) < F16_LIMIT)) return false;
  return true;
}

/** Value of binary16 bits. */
export function f16ToNumber(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Value of bfloat16 bits: the upper half of a binary32. */
export function bf16ToNumber(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/**
 * Bits of a small float with `fraction_bits` of fraction and the given exponent bias, sign bit above the exponent.
 * The rounded significand is added to the exponent field, so that a carry moves to the next binade by itself.
 */
function toBits(value: number, fraction_bits: number, bias: number): number {
  word.setFloat64(0, value);
  const high = word.getUint32(0);
  const infinite = (2 * bias + 1) << fraction_bits;
  const sign = (high >>> 31) * ((2 * bias + 2) << fraction_bits);
  if (Number.isNaN(value)) return sign | infinite | (1 << (fraction_bits - 1));
  const exponent = Math.max(((high >>> 20) & 0x7ff) - 1023, 1 - bias);
  // 2^(fraction_bits − exponent), exactly, from its own bits; an exponent above the bias overflows below anyway.
  word.setUint32(0, (fraction_bits - Math.min(exponent, bias + 1) + 1023) << 20);
  word.setUint32(4, 0);
  const scaled = Math.min(Math.abs(value) * word.getFloat64(0), 2 ** 40);
  const significand = scaled + ROUND - ROUND;
  const bits = (exponent + bias - 1) * 2 ** fraction_bits + significand;
  return sign | Math.min(bits, infinite);
}

/** binary16 bits nearest to `value`; 65,520 and above become infinite. */
export function numberToF16(value: number): number {
  return toBits(value, 10, 15);
}

/** bfloat16 bits nearest to `value`. */
export function numberToBf16(value: number): number {
  return toBits(value, 7, 127);
}

let f16_values: Float32Array | undefined;

/** All 65,536 values of binary16: a look-up is several times faster than taking bits apart. */
function f16Table(): Float32Array {
  if (!f16_values) {
    f16_values = new Float32Array(65536);
    for (let bits = 0; bits < 65536; bits++) f16_values[bits] = f16ToNumber(bits);
  }
  return f16_values;
}

/** Value of binary16 bits, by look-up: for loops. */
export function f16Value(bits: number): number {
  return (f16_values ?? f16Table())[bits];
}

/**
 * Decodes little-endian stored bytes, into `out` where it is given: an array of as many elements. Throws `truncated_file`
 * where they are no whole number of elements.
 */
export function decodeToFloat32(bytes: Uint8Array, dtype: FloatType, out?: Float32Array): Float32Array {
  const size = bytesPerElement(dtype);
  if (bytes.byteLength % size !== 0) {
    throw new WhittleError({
      code: 'truncated_file',
      message: `${bytes.byteLength} bytes were read for ${dtype} elements of ${size} bytes.`,
      allowed: `a multiple of ${size} bytes`,
    });
  }
  const count = bytes.byteLength / size;
  // A copy where the view is not aligned; every platform that Whittle runs on is little-endian.
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const values = out ?? new Float32Array(count);
  if (dtype === 'F32') {
    values.set(new Float32Array(aligned.buffer, aligned.byteOffset, count));
    return values;
  }
  const stored = new Uint16Array(aligned.buffer, aligned.byteOffset, count);
  if (dtype === 'F16') {
    const table = f16Table();
    for (let i = 0; i < count; i++) values[i] = table[stored[i]];
    return values;
  }
  const bits = new Uint32Array(values.buffer, values.byteOffset, count);
  for (let i = 0; i < count; i++) bits[i] = stored[i] << 16;
  return values;
}

/** As {@link numberToF16}, of a value that is a binary32 and its `bits`: several times faster. */
function singleToF16(bits: number, value: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // 65,520 and above, infinity, NaN.
  if (magnitude >= 0x477ff000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  // Below 2^−14 a half float counts in steps of 2^−24.
  if (magnitude < 0x38800000) return sign | (Math.abs(value) * 2 ** 24 + ROUND - ROUND);
  // The exponent moves from bias 127 to 15; what is cut off rounds up from a half on, from a tie to even.
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** Little-endian bytes of `values` in `dtype`, each rounded once to nearest even. */
export function encodeFromFloat(values: ArrayLike<number>, dtype: FloatType): Uint8Array<ArrayBuffer> {
  const count = values.length;
  if (dtype === 'F32') {
    const stored = new Float32Array(count);
    stored.set(values);
    return new Uint8Array(stored.buffer);
  }
  const stored = new Uint16Array(count);
  if (dtype === 'F16' && values instanceof Float32Array) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, count);
    for (let i = 0; i < count; i++) stored[i] = singleToF16(bits[i], values[i]);
    return new Uint8Array(stored.buffer);
  }
  const encode = dtype === 'F16' ? numberToF16 : numberToBf16;
  for (let i = 0; i < count; i++) stored[i] = encode(values[i]);
  return new Uint8Array(stored.buffer);
}
