/** @file Block-quantised bytes → f32 on the host. */
import { WhittleError } from '../../errors/errors.ts';
import type { QuantType } from '../dtype.ts';

/** Throws `truncated_file` where the bytes are no whole number of blocks. */
export function dequantize(_bytes: Uint8Array, dtype: QuantType): Float32Array {
  throw new WhittleError({ code: 'internal', message: `${dtype} is not decoded yet.` });
}
