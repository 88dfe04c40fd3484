/** @file Stored bytes of any {@link DType} → numbers, on the host. */
import { type DType, isFloatType } from './dtype.ts';
import { decodeToFloat32 } from './half.ts';
import { dequantize } from './quant/dequantize.ts';

/**
 * Little-endian stored bytes as f32, in `out` where it is given: an array of as many elements. Throws `truncated_file`
 * where they are no whole number of elements or blocks.
 */
export function decodeStored(bytes: Uint8Array, dtype: DType, out?: Float32Array): Float32Array {
  return isFloatType(dtype) ? decodeToFloat32(bytes, dtype, out) : dequantize(bytes, dtype, out);
}
