/** @file Projections that share one stored matrix, as weights of their own. */
import type { WeightRef } from '../decoder_model.ts';
import { gatherRows, rowsOf } from '../weight_views.ts';

export interface HeadCounts {
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
}

/** Splits `ref`, of `sizes` rows in this order, into one weight a name: "c_attn.weight[q]". */
export function splitRows<Name extends string>(
  ref: WeightRef,
  sizes: readonly (readonly [Name, number])[],
): Record<Name, WeightRef> {
  let start = 0;
  const parts = sizes.map(([name, rows]) => {
    const part = rowsOf(ref, start, start + rows, `${ref.name}[${name}]`);
    start += rows;
    return [name, part] as const;
  });
  return Object.fromEntries(parts) as Record<Name, WeightRef>;
}

/** Rows of a fused q, k, v matrix (or bias), in either order of {@link QkvNames}. */
export function splitQkv(
  ref: WeightRef,
  order: 'rows' | 'grouped',
  { num_attention_heads: heads, num_key_value_heads: kv_heads, head_dim }: HeadCounts,
): Record<'q' | 'k' | 'v', WeightRef> {
  const keyValue = kv_heads * head_dim;
  if (order === 'rows') {
    return splitRows(ref, [
      ['q', heads * head_dim],
      ['k', keyValue],
      ['v', keyValue],
    ]);
  }
  // A group is the queries that share a key head, then that key, then its value.
  const queries = (heads / kv_heads) * head_dim;
  const group = queries + 2 * head_dim;
  const part = (name: string, offset: number, rows: number) =>
    gatherRows(
      ref,
      kv_heads * rows,
      (row) => Math.floor(row / rows) * group + offset + (row % rows),
      `${ref.name}[${name}]`,
    );
  return { q: part('q', 0, queries), k: part('k', queries, head_dim), v: part('v', queries + head_dim, head_dim) };
}
