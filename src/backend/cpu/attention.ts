/**
 * @file CPU twin of `attention`: softmax(scale · Q·Kᵀ, causal) · V with grouped key/value heads. Scores exist only for a
 * block of query rows at a time, against the keys that the block may see.
 */
import type { AttentionArgs } from '../backend.ts';
import { addProduct, transposed, view } from '../linalg/gemm.ts';
import { checkAttention } from '../shapes.ts';
import { doubles } from './tensor.ts';

/** As many rows as the matrix product packs at once. */
const QUERY_BLOCK = 64;

/**
 * Turns the products of `count` consecutive queries, the first at position `first`, into probabilities in place. Keys
 * after a query's own position, or before its window, get probability 0.
 */
function causalSoftmax(
  scores: Float64Array,
  count: number,
  keys: number,
  first: number,
  { scale, soft_cap, window = Number.POSITIVE_INFINITY }: AttentionArgs,
  slope: number,
): void {
  for (let row = 0; row < count; row++) {
    const start = row * keys;
    const position = first + row;
    const oldest = start + Math.max(0, position + 1 - window);
    const visible = start + position + 1;
    let maximum = Number.NEGATIVE_INFINITY;
    for (let j = oldest; j < visible; j++) {
      let score = scores[j] * scale;
      if (soft_cap !== undefined) score = soft_cap * Math.tanh(score / soft_cap);
      score += slope * (j - start - position);
      scores[j] = score;
      if (score > maximum) maximum = score;
    }
    let sum = 0;
    scores.fill(0, start, oldest);
    for (let j = oldest; j < visible; j++) {
      const weight = Math.exp(scores[j] - maximum);
      scores[j] = weight;
      sum += weight;
    }
    const inverse = 1 / sum;
    for (let j = oldest; j < visible; j++) scores[j] *= inverse;
    scores.fill(0, visible, start + keys);
  }
}

export function attention(args: AttentionArgs): void {
  const { batch, group } = checkAttention(args);
  const { seqlen, heads, kv_heads, head_dim, past = 0 } = args;
  const query = doubles(args.query);
  const key = doubles(args.key);
  const value = doubles(args.value);
  const output = doubles(args.output).fill(0);
  const slopes = args.slopes && doubles(args.slopes);
  const row_size = heads * head_dim;
  const kv_row_size = kv_heads * head_dim;
  const scores = new Float64Array(Math.min(QUERY_BLOCK, seqlen) * (past + seqlen));

  for (let sequence = 0; sequence < batch; sequence++) {
    for (let head = 0; head < heads; head++) {
      const kv_start = sequence * seqlen * kv_row_size + Math.floor(head / group) * head_dim;
      for (let first = 0; first < seqlen; first += QUERY_BLOCK) {
        const count = Math.min(QUERY_BLOCK, seqlen - first);
        const keys = past + first + count; // later keys are hidden from the whole block
        const start = (sequence * seqlen + first) * row_size + head * head_dim;
        scores.fill(0, 0, count * keys);
        const q = view(query, row_size, start);
        addProduct(count, keys, head_dim, q, transposed(view(key, kv_row_size, kv_start)), view(scores, keys));
        causalSoftmax(scores, count, keys, past + first, args, slopes ? slopes[head] : 0);
        const v = view(value, kv_row_size, kv_start);
        addProduct(count, head_dim, keys, view(scores, keys), v, view(output, row_size, start));
      }
    }
  }
}
