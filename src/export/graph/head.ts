/** @file Hidden states → logits. */
import type { DecoderModel } from '../../models/decoder_model.ts';
import { isQuantized } from '../quantize/quantized_ref.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { addBias, linear, project } from './linear.ts';
import { quantizedProduct } from './quantized_product.ts';

const SCOPE = '/lm_head';
const NAME = 'lm_head';

/** `soft_cap(scale · ((h·projection)·Wᵀ + bias))` of normed states h, (B, S, vocabulary). */
export function logitsOf(builder: GraphBuilder, model: DecoderModel, hidden: Value): Value {
  const { lm_head } = model;
  const input = project(builder, lm_head.projection, hidden, `${SCOPE}/projection`, `${NAME}.projection`);
  const product = tableProduct(builder, model, input);
  return builder.capped(`${SCOPE}/soft_cap`, builder.scaled(`${SCOPE}/Mul`, product, lm_head.scale), lm_head.soft_cap);
}

function tableProduct(builder: GraphBuilder, { lm_head, embed_tokens }: DecoderModel, input: Value): Value {
  const { weight, bias } = lm_head;
  if (weight !== embed_tokens.weight) return linear(builder, { weight, bias }, input, SCOPE, NAME);
  // A tied table is stored once, as the embedding reads it.
  const name = 'model.embed_tokens.weight';
  let product: Value;
  if (isQuantized(weight)) {
    product = quantizedProduct(builder, weight, input, SCOPE, name);
  } else {
    const matrix = builder.transpose(`${SCOPE}/Transpose`, builder.weight(weight, name, `${SCOPE}/Cast`), [1, 0]);
    product = builder.node('MatMul', `${SCOPE}/MatMul`, [input, matrix]);
  }
  return addBias(builder, bias, product, SCOPE, NAME);
}
