/** @file Causal grouped-query attention in f32: scores of a block of queries at a time, then softmax, then values. */
import { pulse } from '../../pulse/pulse.ts';
import { transposed, view } from '../linalg/gemm.ts';
import type { TaskTools } from './task_tools.ts';
import { MOST_SOFTMAX, type VectorMath } from './vector_math.ts';

export interface AttentionTask {
  query: Float32Array;
  key: Float32Array;
  value: Float32Array;
  output: Float32Array;
  slopes?: Float32Array;
  seqlen: number;
  heads: number;
  kv_heads: number;
  head_dim: number;
  scale: number;
  window?: number;
  soft_cap?: number;
  /** Positions before the first query; keys and values have them too. */
  past?: number;
}

/** Queries that share the keys they are multiplied with: few enough that little of the masked half is computed. */
export const QUERY_BLOCK = 64;

/** Heads `start … end`, counted through all sequences. */
export function attentionHeads(tools: TaskTools, task: AttentionTask, start: number, end: number): void {
  const { product, math } = tools;
  const { query, key, value, output, slopes, seqlen, heads, kv_heads, head_dim, past = 0 } = task;
  const row_size = heads * head_dim;
  const kv_row_size = kv_heads * head_dim;
  const block = Math.min(QUERY_BLOCK, seqlen);
  const scores = tools.scores(block * scoreStride(past + seqlen));
  for (let index = start; index < end; index++) {
    const [sequence, head] = [Math.floor(index / heads), index % heads];
    const kv_head = Math.floor((head * kv_heads) / heads);
    for (let first = 0; first < seqlen; first += block) {
      pulse();
      const count = Math.min(block, seqlen - first);
      // Keys that some query of the block sees.
      const own = past + first;
      const oldest = Math.max(0, own + 1 - (task.window ?? Number.POSITIVE_INFINITY));
      const keys = own + count - oldest;
      const at = (sequence * seqlen + first) * row_size + head * head_dim;
      const kv_at = (sequence * (past + seqlen) + oldest) * kv_row_size + kv_head * head_dim;
      const k = transposed(view(key, kv_row_size, kv_at));
      const stride = scoreStride(keys);
      product.multiply(count, keys, head_dim, view(query, row_size, at), k, view(scores, stride));
      softmax(math, scores, task, count, keys, own - oldest, slopes ? slopes[head] : 0);
      const v = view(value, kv_row_size, kv_at);
      product.multiply(count, head_dim, keys, view(scores, stride), v, view(output, row_size, at));
    }
  }
}

/** From one row of scores to the next: behind the last key there is room for the vector that it is in, wherever a window begins. */
export const scoreStride = (keys: number) => 4 * Math.ceil((keys + 3) / 4);

/**
 * Scores of `count` queries, rows of {@link scoreStride} numbers, → probabilities, in place; 0 where a query sees no key.
 * @param first Index among the keys of the first query's own.
 * @param capSlopes Gets 1 − tanh² of each score that is capped, where there is a cap.
 */
export function softmax(
  math: VectorMath,
  scores: Float32Array,
  { scale, soft_cap, window = Number.POSITIVE_INFINITY }: Pick<AttentionTask, 'scale' | 'soft_cap' | 'window'>,
  count: number,
  keys: number,
  first: number,
  slope: number,
  capSlopes?: Float32Array,
): void {
  const isPlain = soft_cap === undefined && slope === 0 && scale > 0;
  const stride = scoreStride(keys);
  const seesAll = first + count <= window;
  if (isPlain && seesAll && math.causalSoftmax(scores, { rows: count, keys, stride, seen: first + 1 }, scale)) return;
  for (let row = 0; row < count; row++) {
    const start = row * stride;
    const own = start + first + row;
    const oldest = Math.max(start, own + 1 - window);
    math.zero(scores, start, oldest);
    if (isPlain && own - oldest < MOST_SOFTMAX) {
      math.softmax(scores, oldest, own + 1, scale);
      math.zero(scores, own + 1, start + keys);
      continue;
    }
    math.zero(scores, own + 1, start + keys);
    let maximum = Number.NEGATIVE_INFINITY;
    for (let j = oldest; j <= own; j++) {
      let score = scores[j] * scale;
      if (soft_cap !== undefined) {
        const capped = Math.tanh(score / soft_cap);
        score = soft_cap * capped;
        if (capSlopes) capSlopes[j] = 1 - capped * capped;
      }
      score += slope * (j - own);
      scores[j] = score;
      if (score > maximum) maximum = score;
    }
    const inverse = 1 / math.expSum(scores, oldest, own + 1, maximum, true);
    for (let j = oldest; j <= own; j++) scores[j] *= inverse;
  }
}
