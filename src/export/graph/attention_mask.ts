/** @file What is added to the scores of a layer: its causal mask with window and padding, and ALiBi's distances. */
import type { Attention } from '../../models/decoder_model.ts';
import type { GraphBuilder, Value } from './builder.ts';
import type { Positions } from './positions.ts';

/** The lowest f32: added to a score, its softmax is 0, and no infinity meets a runtime that assumes there is none. */
const MASKED = -3.4028234663852886e38;

/**
 * f32 (S, T), (B, 1, S, T) with padding, or (B or 1, H, S, T) with ALiBi: layers that mask alike share one. A query of
 * padding sees nothing: all its scores are equal, and what it computes is never looked at.
 */
export function attentionBias(
  builder: GraphBuilder,
  { sliding_window, alibi_slopes }: Attention,
  positions: Positions,
): Value {
  const mask = builder.shared(`mask.${sliding_window}`, () => causalMask(builder, sliding_window, positions));
  if (!alibi_slopes) return mask;
  return builder.shared(`alibi.${sliding_window}.${alibi_slopes.join()}`, () => {
    const slopes = builder.floats('model.alibi_slopes', alibi_slopes, [alibi_slopes.length, 1, 1]);
    const biases = builder.node('Mul', '/model/alibi/Mul', [distances(builder, positions), slopes]);
    return builder.node('Add', '/model/alibi/Add', [biases, mask]);
  });
}

/** 0 where a query may look, the lowest f32 elsewhere. */
function causalMask(builder: GraphBuilder, window: number | undefined, positions: Positions): Value {
  const scope = window === undefined ? '/model/causal_mask' : `/model/window_mask_${window}`;
  const keys = positions.keySlots();
  const queries = positions.querySlots();
  let hidden = builder.node('Less', `${scope}/Less`, [queries, keys]);
  const orHidden = (other: Value, name: string) => builder.node('Or', `${scope}/${name}`, [hidden, other]);
  if (window !== undefined) {
    // A query at slot q sees the slots from q − window + 1 on.
    const last = builder.node('Add', `${scope}/Reach`, [keys, builder.ints(window - 1)]);
    hidden = orHidden(builder.node('Less', `${scope}/Beyond`, [last, queries]), 'Window');
  }
  if (positions.layout === 'kv_cache') hidden = orHidden(padding(builder), 'Padding');
  return builder.node('Where', `${scope}/Where`, [hidden, builder.scalar(MASKED), builder.scalar(0)]);
}

/** bool (B, 1, 1, T): slots that hold no token. */
function padding(builder: GraphBuilder): Value {
  return builder.shared('padding', () => {
    const wide = builder.node('Unsqueeze', '/model/padding/Unsqueeze', ['attention_mask', builder.ints([1, 2])]);
    return builder.node('Equal', '/model/padding/Equal', [wide, builder.ints(0)]);
  });
}

/** f32 (1, S, T), or (B, 1, S, T): key position − query position; with padding before a text both move alike. */
function distances(builder: GraphBuilder, positions: Positions): Value {
  return builder.shared('distances', () => {
    const slots = [positions.keySlots(), positions.querySlots()];
    const apart = builder.node('Sub', '/model/distances/Sub', slots);
    const floats = builder.cast('/model/distances/Cast', apart, 'FLOAT');
    return builder.node('Unsqueeze', '/model/distances/Unsqueeze', [floats, builder.ints([0])]);
  });
}
