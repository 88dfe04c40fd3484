/**
 * @file Grouped-query causal attention in plain ONNX operators, with or without a cache of keys and values.
 *
 * Shapes: B batch, S tokens of this call, T all tokens so far, H heads, K key/value heads.
 */
import type { Attention, DecoderLayer } from '../../models/decoder_model.ts';
import { attentionBias } from './attention_mask.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { linear } from './linear.ts';
import { normalize } from './norm.ts';
import type { Positions } from './positions.ts';
import { rotaryAngles, rotate, scaledAngles } from './rotary.ts';

type Projection = 'q_proj' | 'k_proj' | 'v_proj';

/** x (B, S, d) → (B, S, d'). */
export function attention(
  builder: GraphBuilder,
  { attention: part, index }: DecoderLayer,
  x: Value,
  positions: Positions,
  scope: string,
  weights: string,
): Value {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim, rotary } = part;
  // (B, H, S, head_dim), (B, K, S, head_dim) twice
  let query = headsOf(builder, part, 'q_proj', heads, x, scope, weights);
  let key = headsOf(builder, part, 'k_proj', kvHeads, x, scope, weights);
  let value = headsOf(builder, part, 'v_proj', kvHeads, x, scope, weights);
  if (rotary) {
    const angles = rotaryAngles(builder, rotary, positions);
    const scaled = rotary.query_scale ? scaledAngles(builder, rotary.query_scale, angles, positions) : angles;
    query = rotate(builder, query, rotary, head_dim, scaled, `${scope}/q_rotary`);
    key = rotate(builder, key, rotary, head_dim, angles, `${scope}/k_rotary`);
  }
  if (positions.layout === 'kv_cache') {
    key = cached(builder, index, 'key', key, scope);
    value = cached(builder, index, 'value', value, scope);
  }
  // The queries of a group lie one after another, so that each key/value head meets them in one product, not copied:
  // (B, K, H/K · S, head_dim) · (B, K, head_dim, T). A size of −1 is worked out, 0 stays as it is.
  const isGrouped = heads !== kvHeads;
  const regroup = (states: Value, shape: readonly number[], name: string) =>
    isGrouped ? builder.node('Reshape', `${scope}/${name}`, [states, builder.ints(shape)]) : states;
  const grouped = regroup(query, [0, kvHeads, -1, head_dim], 'q_group/Reshape');
  const turned = builder.transpose(`${scope}/scores/Transpose`, key, [0, 1, 3, 2]);
  const products = builder.node('MatMul', `${scope}/scores/MatMul`, [grouped, turned]);
  let scores = regroup(products, [0, heads, -1, 0], 'scores/Ungroup');
  scores = builder.capped(
    `${scope}/soft_cap`,
    builder.scaled(`${scope}/scores/Mul`, scores, part.scale),
    part.soft_cap,
  );
  const masked = builder.node('Add', `${scope}/scores/Add`, [scores, attentionBias(builder, part, positions)]);
  const shares = builder.node('Softmax', `${scope}/Softmax`, [masked], [{ name: 'axis', kind: 'int', value: -1 }]);
  const groupedShares = regroup(shares, [0, kvHeads, -1, 0], 'context/Group');
  const mixed = builder.node('MatMul', `${scope}/context/MatMul`, [groupedShares, value]);
  const context = regroup(mixed, [0, heads, -1, head_dim], 'context/Ungroup');
  const rows = builder.transpose(`${scope}/context/Transpose`, context, [0, 2, 1, 3]);
  const joined = builder.node('Reshape', `${scope}/context/Reshape`, [rows, builder.ints([0, 0, heads * head_dim])]);
  return linear(builder, part.o_proj, joined, `${scope}/o_proj`, `${weights}.o_proj`);
}

/** A projection with its norm, over each head or over all together by its size, as (B, count, S, head_dim). */
function headsOf(
  builder: GraphBuilder,
  part: Attention,
  name: Projection,
  count: number,
  x: Value,
  scope: string,
  weights: string,
): Value {
  const { head_dim } = part;
  const normName = { q_proj: 'q_norm', k_proj: 'k_norm', v_proj: undefined }[name] as 'q_norm' | 'k_norm' | undefined;
  const norm = normName && part[normName];
  const normed = (states: Value) => normalize(builder, norm, states, `${scope}/${normName}`, `${weights}.${normName}`);
  const isPerHead = norm?.normalized_size === head_dim;
  let states = linear(builder, part[name], x, `${scope}/${name}`, `${weights}.${name}`);
  if (part.clip_qkv !== undefined) {
    const limits = [builder.scalar(-part.clip_qkv), builder.scalar(part.clip_qkv)];
    states = builder.node('Clip', `${scope}/${name}/Clip`, [states, ...limits]);
  }
  if (norm && !isPerHead) states = normed(states);
  states = builder.node('Reshape', `${scope}/${name}/Reshape`, [states, builder.ints([0, 0, count, head_dim])]);
  if (norm && isPerHead) states = normed(states);
  return builder.transpose(`${scope}/${name}/Transpose`, states, [0, 2, 1, 3]);
}

/** Past and present joined along the tokens, (B, K, T, head_dim), which is also handed back for the next call. */
function cached(builder: GraphBuilder, index: number, name: 'key' | 'value', present: Value, scope: string): Value {
  const all = builder.concat(`${scope}/${name}_cache/Concat`, [pastName(index, name), present], 2);
  builder.output(all, presentName(index, name));
  return all;
}

export function pastName(index: number, name: 'key' | 'value'): string {
  return `past_key_values.${index}.${name}`;
}

export function presentName(index: number, name: 'key' | 'value'): string {
  return `present.${index}.${name}`;
}
