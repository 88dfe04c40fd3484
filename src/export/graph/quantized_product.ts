/** @file A product with integer codes: MatMulNBits of ONNX Runtime's own operators (onnxruntime/docs/ContribOperators.md). */
import type { QuantizedRef } from '../quantize/quantized_ref.ts';
import type { GraphBuilder, Value } from './builder.ts';

/** x·Mᵀ in any number of bits and block size. The activations stay f32: no `accuracy_level` that would round them too. */
export function quantizedProduct(
  builder: GraphBuilder,
  weight: QuantizedRef,
  x: Value,
  scope: string,
  name: string,
): Value {
  const { codes, scales, zero_points } = builder.quantizedWeight(weight, name);
  const { columns, rows, bits, block_size } = weight.quantized;
  return builder.contribNode(
    'MatMulNBits',
    `${scope}/MatMulNBits`,
    [x, codes, scales, ...(zero_points ? [zero_points] : [])],
    { K: columns, N: rows, bits, block_size },
  );
}
