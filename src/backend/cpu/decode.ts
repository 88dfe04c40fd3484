/** @file CPU twin of `decode`: little-endian stored bytes → f64, exactly. */

import { decodeStored } from '../../tensor/decode.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';
import { checkDecode } from '../shapes.ts';

export function decode(bytes: Uint8Array, dtype: DType, shape: Shape, label: string): Float64Array {
  checkDecode(bytes, dtype, shape, label);
  return new Float64Array(decodeStored(bytes, dtype));
}
