/** @file Stored bytes of a weight → a tensor, by a kernel or by the host. */

import { type DType, isFloatType } from '../../tensor/dtype.ts';
import { decodeToFloat32 } from '../../tensor/half.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { GpuTensor } from './buffers.ts';
import type { GpuContext } from './context.ts';
import { decode } from './kernels/decode.ts';
import { decodeBlocks } from './kernels/decode_blocks.ts';

/** @param tensor f32, of as many elements as `bytes` hold. */
export function decodeInto(context: GpuContext, tensor: GpuTensor, bytes: Uint8Array, dtype: DType): void {
  if (dtype === 'F32') {
    context.upload(tensor, bytes);
    return;
  }
  if (isFloatType(dtype) && context.isFallbackAdapter) {
    // There a half float takes ten times as long as looking it up does.
    context.upload(tensor, new Uint8Array(decodeToFloat32(bytes, dtype).buffer));
    return;
  }
  const words = context.tensor([Math.ceil(bytes.byteLength / 4)], 'u32', `${tensor.label} (stored)`);
  context.upload(words, bytes);
  if (isFloatType(dtype)) decode(context, dtype, words, tensor, elementCount(tensor.shape));
  else decodeBlocks(context, dtype, words, tensor, elementCount(tensor.shape));
  context.retire(words);
}
