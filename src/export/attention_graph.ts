/**
 * @file Grouped-query causal attention in plain ONNX operators. Positions, rotary angles and the causal mask come from
 * the length of `input_ids`, so that any sequence length works.
 */
import type { Attention, Rotary } from '../models/decoder_model.ts';
import type { GraphBuilder, Value } from './graph_builder.ts';
import { linear } from './linear_graph.ts';

/** The lowest f32: added to a score, its softmax is 0, and no infinity meets a runtime that assumes there is none. */
const MASKED = -3.4028234663852886e38;

/** x (B, S, d) → (B, S, d'). */
export function attention(builder: GraphBuilder, part: Attention, x: Value, scope: string, weights: string): Value {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim, rotary } = part;
  const group = heads / kvHeads;
  const project = (name: 'q_proj' | 'k_proj' | 'v_proj', count: number) => {
    const rows = linear(builder, part[name], x, `${scope}/${name}`, `${weights}.${name}`);
    const split = builder.node('Reshape', `${scope}/${name}/Reshape`, [rows, builder.ints([0, 0, count, head_dim])]);
    return builder.transpose(`${scope}/${name}/Transpose`, split, [0, 2, 1, 3]);
  };
  // (B, H, S, head_dim), (B, K, S, head_dim) twice
  let query = project('q_proj', heads);
  let key = project('k_proj', kvHeads);
  let value = project('v_proj', kvHeads);
  if (rotary) {
    const angles = rotaryAngles(builder, rotary);
    query = rotate(builder, query, rotary, head_dim, angles, `${scope}/q_rotary`);
    key = rotate(builder, key, rotary, head_dim, angles, `${scope}/k_rotary`);
  }
  if (group > 1) {
    // Each key/value head is broadcast over its group, not copied: (B, K, group, S, head_dim) · (B, K, 1, head_dim, S).
    const grouped = builder.ints([0, kvHeads, group, -1, head_dim]);
    query = builder.node('Reshape', `${scope}/q_group/Reshape`, [query, grouped]);
    key = builder.node('Unsqueeze', `${scope}/k_group/Unsqueeze`, [key, builder.ints([2])]);
    value = builder.node('Unsqueeze', `${scope}/v_group/Unsqueeze`, [value, builder.ints([2])]);
  }
  const keyTransposed = builder.transpose(`${scope}/k_proj/Transpose`, key, group > 1 ? [0, 1, 2, 4, 3] : [0, 1, 3, 2]);
  const products = builder.node('MatMul', `${scope}/scores/MatMul`, [query, keyTransposed]);
  const scale = builder.floats(`constant.attention_scale.${part.scale}`, part.scale);
  const scaled = builder.node('Mul', `${scope}/scores/Mul`, [products, scale]);
  const masked = builder.node('Add', `${scope}/scores/Add`, [scaled, causalMask(builder)]);
  const shares = builder.node('Softmax', `${scope}/Softmax`, [masked], [{ name: 'axis', kind: 'int', value: -1 }]);
  let context = builder.node('MatMul', `${scope}/context/MatMul`, [shares, value]);
  if (group > 1) {
    const ungrouped = builder.ints([0, heads, -1, head_dim]);
    context = builder.node('Reshape', `${scope}/context/Ungroup`, [context, ungrouped]);
  }
  const rows = builder.transpose(`${scope}/context/Transpose`, context, [0, 2, 1, 3]);
  const joined = builder.node('Reshape', `${scope}/context/Reshape`, [rows, builder.ints([0, 0, heads * head_dim])]);
  return linear(builder, part.o_proj, joined, `${scope}/o_proj`, `${weights}.o_proj`);
}

/** 0 … S − 1, int64 (S). */
function positions(builder: GraphBuilder): Value {
  return builder.shared('positions', () => {
    const shape = builder.node('Shape', '/model/positions/Shape', ['input_ids']);
    const length = builder.node('Gather', '/model/positions/Gather', [shape, builder.ints(1)]);
    return builder.node('Range', '/model/positions/Range', [builder.ints(0), length, builder.ints(1)]);
  });
}

/** (S, S): 0 where a query may look, the lowest f32 where the key lies in its future. */
function causalMask(builder: GraphBuilder): Value {
  return builder.shared('causal_mask', () => {
    const scope = '/model/causal_mask';
    const keys = positions(builder);
    const queries = builder.node('Unsqueeze', `${scope}/Unsqueeze`, [keys, builder.ints([1])]);
    const isFuture = builder.node('Less', `${scope}/Less`, [queries, keys]);
    const masked = builder.floats('constant.masked', MASKED);
    return builder.node('Where', `${scope}/Where`, [isFuture, masked, builder.floats('constant.zero', 0)]);
  });
}

/** cos and sin of position · theta^(−2i/dim), each (S, dim/2); once for all layers. */
function rotaryAngles(builder: GraphBuilder, { dim, theta }: Rotary): { cos: Value; sin: Value } {
  const scope = `/model/rotary_emb`;
  const key = `${dim}.${theta}`;
  const angles = builder.shared(`rotary.${key}`, () => {
    const frequencies = Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim));
    const inv_freq = builder.floats(`model.rotary_emb.inv_freq.${key}`, frequencies);
    const floats = builder.cast(`${scope}/Cast`, positions(builder), 'FLOAT');
    const column = builder.node('Unsqueeze', `${scope}/Unsqueeze`, [floats, builder.ints([1])]);
    return builder.node('Mul', `${scope}/Mul`, [column, inv_freq]);
  });
  return {
    cos: builder.shared(`rotary.cos.${key}`, () => builder.node('Cos', `${scope}/Cos`, [angles])),
    sin: builder.shared(`rotary.sin.${key}`, () => builder.node('Sin', `${scope}/Sin`, [angles])),
  };
}

/**
 * Rotates the leading `dim` channels of x (B, heads, S, head_dim), as Llama's `rotate_half` does: channel i pairs with
 * i + dim/2; `(a, b) → (a·cos − b·sin, b·cos + a·sin)`.
 */
function rotate(
  builder: GraphBuilder,
  x: Value,
  { dim }: Rotary,
  headDim: number,
  { cos, sin }: { cos: Value; sin: Value },
  scope: string,
): Value {
  const sizes = dim < headDim ? [dim / 2, dim / 2, headDim - dim] : [dim / 2, dim / 2];
  const parts = builder.nodeWithOutputs('Split', `${scope}/Split`, [x, builder.ints(sizes)], sizes.length, [
    { name: 'axis', kind: 'int', value: -1 },
  ]);
  const [a, b, ...rest] = parts;
  const mul = (value: Value, by: Value) => builder.node('Mul', `${scope}/Mul`, [value, by]);
  const first = builder.node('Sub', `${scope}/Sub`, [mul(a, cos), mul(b, sin)]);
  const second = builder.node('Add', `${scope}/Add`, [mul(b, cos), mul(a, sin)]);
  return builder.node(
    'Concat',
    `${scope}/Concat`,
    [first, second, ...rest],
    [{ name: 'axis', kind: 'int', value: -1 }],
  );
}
