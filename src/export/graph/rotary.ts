/** @file Rotary embedding (RoFormer, arXiv 2104.09864) in plain operators. */
import type { QueryScale, Rotary } from '../../models/decoder_model.ts';
import type { GraphBuilder, Value } from './builder.ts';
import type { Positions } from './positions.ts';

export interface Angles {
  /** f32 (B or 1, 1, S, dim/2) each, the attention factor included. */
  cos: Value;
  sin: Value;
}

const SCOPE = '/model/rotary_emb';

/** cos and sin of position · inv_freq; once for all layers that turn alike. */
export function rotaryAngles(builder: GraphBuilder, rotary: Rotary, positions: Positions): Angles {
  const key = `rotary.${JSON.stringify(rotary)}`;
  const of = (op: 'Cos' | 'Sin') =>
    builder.shared(`${key}.${op}`, () => {
      const angles = builder.shared(`${key}.angles`, () =>
        builder.node('Mul', `${SCOPE}/Mul`, [positions.floats(), frequencies(builder, rotary, positions)]),
      );
      const values = builder.node(op, `${SCOPE}/${op}`, [angles]);
      return attentionFactor(builder, rotary, values, `${SCOPE}/${op}`, positions);
    });
  return { cos: of('Cos'), sin: of('Sin') };
}

/** f32 (dim/2): the frequencies for this length of text. */
function frequencies(builder: GraphBuilder, { inv_freq, long }: Rotary, positions: Positions): Value {
  const constant = (values: readonly number[]) => builder.floats('model.rotary_emb.inv_freq', values);
  if (!long) return constant(inv_freq);
  const inputs = [isLong(builder, long.beyond, positions), constant(long.inv_freq), constant(inv_freq)];
  return builder.node('Where', `${SCOPE}/Where`, inputs);
}

function attentionFactor(
  builder: GraphBuilder,
  { attention_factor, long }: Rotary,
  values: Value,
  scope: string,
  positions: Positions,
): Value {
  if (!long || long.attention_factor === attention_factor) {
    return builder.scaled(`${scope}/Scale`, values, attention_factor);
  }
  const factors = [builder.scalar(long.attention_factor), builder.scalar(attention_factor)];
  const factor = builder.node('Where', `${scope}/Where`, [isLong(builder, long.beyond, positions), ...factors]);
  return builder.node('Mul', `${scope}/Scale`, [values, factor]);
}

/** bool: the text is longer than `beyond` tokens. Keys in a cache keep the turn they were cached with. */
function isLong(builder: GraphBuilder, beyond: number, positions: Positions): Value {
  return builder.shared(`rotary.beyond.${beyond}`, () =>
    builder.node('Greater', `${SCOPE}/Greater`, [positions.length(), builder.ints(beyond)]),
  );
}

/** The angles that queries are turned by, times the factor of their position: 1 + β·ln(1 + ⌊position/period⌋). */
export function scaledAngles(
  builder: GraphBuilder,
  { beta, period }: QueryScale,
  { cos, sin }: Angles,
  positions: Positions,
): Angles {
  const scope = `${SCOPE}/query_scale`;
  const factor = builder.shared(`rotary.query_scale.${beta}.${period}`, () => {
    const turns = builder.node('Div', `${scope}/Div`, [positions.floats(), builder.scalar(period)]);
    const whole = builder.node('Floor', `${scope}/Floor`, [turns]);
    const log = builder.node('Log', `${scope}/Log`, [builder.node('Add', `${scope}/Add`, [whole, builder.scalar(1)])]);
    const scaled = builder.node('Mul', `${scope}/Mul`, [log, builder.scalar(beta)]);
    return builder.node('Add', `${scope}/Factor`, [scaled, builder.scalar(1)]);
  });
  const times = (value: Value) =>
    builder.shared(`${value}.query_scale.${beta}.${period}`, () =>
      builder.node('Mul', `${scope}/Apply`, [value, factor]),
    );
  return { cos: times(cos), sin: times(sin) };
}

/**
 * Rotates the leading `dim` channels of x (B, heads, S, head_dim): `(a, b) → (a·cos − b·sin, b·cos + a·sin)`, where
 * channel i pairs with i + dim/2, or 2i with 2i + 1 where interleaved.
 */
export function rotate(
  builder: GraphBuilder,
  x: Value,
  { dim, interleaved }: Rotary,
  headDim: number,
  { cos, sin }: Angles,
  scope: string,
): Value {
  const split = (value: Value, sizes: readonly number[], name: string) =>
    builder.nodeWithOutputs('Split', `${scope}/${name}`, [value, builder.ints(sizes)], sizes.length, [
      { name: 'axis', kind: 'int', value: -1 },
    ]);
  const turn = (a: Value, b: Value, by: Angles): [Value, Value] => {
    const mul = (value: Value, factor: Value) => builder.node('Mul', `${scope}/Mul`, [value, factor]);
    return [
      builder.node('Sub', `${scope}/Sub`, [mul(a, by.cos), mul(b, by.sin)]),
      builder.node('Add', `${scope}/Add`, [mul(b, by.cos), mul(a, by.sin)]),
    ];
  };
  const rest = headDim - dim;
  if (!interleaved) {
    const sizes = rest > 0 ? [dim / 2, dim / 2, rest] : [dim / 2, dim / 2];
    const [a, b, ...kept] = split(x, sizes, 'Split');
    return builder.concat(`${scope}/Concat`, [...turn(a, b, { cos, sin }), ...kept], -1);
  }
  const [rotated, ...kept] = rest > 0 ? split(x, [dim, rest], 'Split') : [x];
  // (B, heads, S, dim/2, 2): each pair lies along the last axis.
  const pairs = builder.node('Reshape', `${scope}/Pairs`, [rotated, builder.ints([0, 0, 0, dim / 2, 2])]);
  const [a, b] = split(pairs, [1, 1], 'SplitPairs');
  const column = (value: Value) =>
    builder.shared(`${value}.column`, () => builder.node('Unsqueeze', `${SCOPE}/Column`, [value, builder.ints([-1])]));
  const turned = builder.concat(`${scope}/ConcatPairs`, turn(a, b, { cos: column(cos), sin: column(sin) }), -1);
  const joined = builder.node('Reshape', `${scope}/Join`, [turned, builder.ints([0, 0, 0, dim])]);
  return kept.length > 0 ? builder.concat(`${scope}/Concat`, [joined, ...kept], -1) : joined;
}
