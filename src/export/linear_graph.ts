/** @file A linear layer as MatMul and Add. */
import type { Linear } from '../models/decoder_model.ts';
import type { GraphBuilder, Value } from './graph_builder.ts';

/** `x·Wᵀ + b`, the weight stored as (in, out). */
export function linear(
  builder: GraphBuilder,
  { weight, bias }: Linear,
  x: Value,
  scope: string,
  weights: string,
): Value {
  const matrix = builder.weight(weight, `${weights}.weight`, `${scope}/Cast`, 'transposed');
  const product = builder.node('MatMul', `${scope}/MatMul`, [x, matrix]);
  if (!bias) return product;
  const vector = builder.weight(bias, `${weights}.bias`, `${scope}/bias/Cast`);
  return builder.node('Add', `${scope}/Add`, [product, vector]);
}
