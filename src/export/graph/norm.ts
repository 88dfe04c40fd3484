/** @file RMSNorm and LayerNorm in plain operators. */
import type { Norm } from '../../models/decoder_model.ts';
import type { GraphBuilder, Value } from './builder.ts';

/**
 * `x / √(Σx²/normalized_size + eps) · (offset + weight) + bias` over the last axis, x less its mean for a LayerNorm. The
 * divisor is the original size: deleted channels count as zeros. No norm is the identity.
 */
export function normalize(
  builder: GraphBuilder,
  norm: Norm | undefined,
  x: Value,
  scope: string,
  weights: string,
): Value {
  if (!norm) return x;
  const states = norm.kind === 'layer_norm' ? centered(builder, x, scope) : x;
  const squares = builder.node('Mul', `${scope}/Square`, [states, states]);
  const sum = builder.node('ReduceSum', `${scope}/ReduceSum`, [squares, builder.ints([-1])]);
  const mean = builder.node('Div', `${scope}/Mean`, [sum, builder.scalar(norm.normalized_size)]);
  const variance = builder.node('Add', `${scope}/Eps`, [mean, builder.scalar(norm.eps)]);
  const root = builder.node('Sqrt', `${scope}/Sqrt`, [variance]);
  let normed = builder.node('Div', `${scope}/Div`, [states, root]);
  if (norm.weight) {
    let weight = builder.weight(norm.weight, `${weights}.weight`, `${scope}/Cast`);
    if (norm.weight_offset) {
      weight = builder.node('Add', `${scope}/Offset`, [weight, builder.scalar(norm.weight_offset)]);
    }
    normed = builder.node('Mul', `${scope}/Mul`, [normed, weight]);
  }
  if (!norm.bias) return normed;
  return builder.node('Add', `${scope}/Add`, [
    normed,
    builder.weight(norm.bias, `${weights}.bias`, `${scope}/bias/Cast`),
  ]);
}

/** x less its mean over the last axis. */
export function centered(builder: GraphBuilder, x: Value, scope: string): Value {
  const mean = builder.node('ReduceMean', `${scope}/ReduceMean`, [x, builder.ints([-1])]);
  return builder.node('Sub', `${scope}/Sub`, [x, mean]);
}
