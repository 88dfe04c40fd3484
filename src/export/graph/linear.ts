/** @file Products with weights: MatMul for floats, MatMulNBits for quantised ones, MatMulInteger where inputs are integers too. */
import type { Linear, WeightRef } from '../../models/decoder_model.ts';
import { isIntegerProduct, isPieced } from '../packed/for_onnx.ts';
import { isQuantized } from '../quantize/quantized_ref.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { packedProduct } from './packed_product.ts';
import { integerProduct, roundedInput } from './quantized_input.ts';
import { quantizedProduct } from './quantized_product.ts';

/** `x·Wᵀ + b`; a float weight is stored as (in, out). */
export function linear(builder: GraphBuilder, part: Linear, input: Value, scope: string, weights: string): Value {
  const { weight, bias } = part;
  if (isIntegerProduct(part)) {
    const product = integerProduct(builder, weight, input, scope, `${weights}.weight`);
    return addBias(builder, bias, product, scope, weights);
  }
  const x = part.input ? roundedInput(builder, part.input, input, scope) : input;
  const product = isPieced(weight)
    ? packedProduct(builder, weight.pieces, x, scope, `${weights}.weight`)
    : isQuantized(weight)
      ? quantizedProduct(builder, weight, x, scope, `${weights}.weight`)
      : builder.node('MatMul', `${scope}/MatMul`, [
          x,
          builder.weight(weight, `${weights}.weight`, `${scope}/Cast`, 'transposed'),
        ]);
  return addBias(builder, bias, product, scope, weights);
}

export function addBias(
  builder: GraphBuilder,
  bias: WeightRef | undefined,
  x: Value,
  scope: string,
  weights: string,
): Value {
  if (!bias) return x;
  return builder.node('Add', `${scope}/Add`, [x, builder.weight(bias, `${weights}.bias`, `${scope}/bias/Cast`)]);
}

/** `x·M` with M (in, out): a shortcut or a projection; x itself where there is none. */
export function project(
  builder: GraphBuilder,
  matrix: WeightRef | undefined,
  x: Value,
  scope: string,
  name: string,
): Value {
  if (!matrix) return x;
  if (isQuantized(matrix)) return quantizedProduct(builder, matrix, x, scope, name);
  return builder.node('MatMul', `${scope}/MatMul`, [x, builder.weight(matrix, name, `${scope}/Cast`)]);
}
