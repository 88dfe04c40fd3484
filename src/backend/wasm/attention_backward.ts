/**
 * @file The gradient of attention in f32: probabilities of a block of queries are made again, then everything is a product.
 * A range is whole key/value heads of whole sequences, so that sums over queries are in the same order on any number of
 * threads.
 */
import { pulse } from '../../pulse/pulse.ts';
import { transposed, view } from '../linalg/gemm.ts';
import { type AttentionTask, QUERY_BLOCK, scoreStride, softmax } from './attention.ts';
import type { TaskTools } from './task_tools.ts';

export interface AttentionBackwardTask extends AttentionTask {
  grad_output: Float32Array;
  grad_query: Float32Array;
  grad_key: Float32Array;
  grad_value: Float32Array;
}

/** Key/value heads `start … end`, counted through all sequences. Their gradients must be zero before. */
export function attentionBackwardHeads(
  tools: TaskTools,
  task: AttentionBackwardTask,
  start: number,
  end: number,
): void {
  const group = task.heads / task.kv_heads;
  for (let index = start; index < end; index++) {
    const [sequence, kv_head] = [Math.floor(index / task.kv_heads), index % task.kv_heads];
    for (let i = 0; i < group; i++) headBackward(tools, task, sequence, kv_head, kv_head * group + i);
  }
}

function headBackward(
  tools: TaskTools,
  task: AttentionBackwardTask,
  sequence: number,
  kv_head: number,
  head: number,
): void {
  const { product, math } = tools;
  const { query, key, value, grad_output, grad_query, grad_key, grad_value, slopes, seqlen, head_dim } = task;
  const [row_size, kv_row_size] = [task.heads * head_dim, task.kv_heads * head_dim];
  const block = Math.min(QUERY_BLOCK, seqlen);
  const size = block * scoreStride(seqlen);
  const scratch = tools.scores(3 * size);
  const [p, ds] = [scratch.subarray(0, size), scratch.subarray(size, 2 * size)];
  const capSlopes = task.soft_cap === undefined ? undefined : scratch.subarray(2 * size, 3 * size);
  for (let first = 0; first < seqlen; first += block) {
    pulse();
    const count = Math.min(block, seqlen - first);
    const oldest = Math.max(0, first + 1 - (task.window ?? Number.POSITIVE_INFINITY));
    const keys = first + count - oldest;
    const at = (sequence * seqlen + first) * row_size + head * head_dim;
    const kv_at = (sequence * seqlen + oldest) * kv_row_size + kv_head * head_dim;
    const [k, v] = [view(key, kv_row_size, kv_at), view(value, kv_row_size, kv_at)];
    const [q, grad] = [view(query, row_size, at), view(grad_output, row_size, at)];
    const stride = scoreStride(keys);
    const [probabilities, scores] = [view(p, stride), view(ds, stride)];
    product.multiply(count, keys, head_dim, q, transposed(k), probabilities);
    softmax(math, p, task, count, keys, first - oldest, slopes ? slopes[head] : 0, capSlopes);
    product.multiply(count, keys, head_dim, grad, transposed(v), scores);
    scoreGradients(tools, task, p, ds, capSlopes, count, keys, at);
    product.multiply(count, head_dim, keys, scores, k, view(grad_query, row_size, at));
    const adds = { adds: true };
    product.multiply(keys, head_dim, count, transposed(scores), q, view(grad_key, kv_row_size, kv_at), adds);
    product.multiply(
      keys,
      head_dim,
      count,
      transposed(probabilities),
      grad,
      view(grad_value, kv_row_size, kv_at),
      adds,
    );
  }
}

/** ds ← p ⊙ (ds − δ) · scale, δ = Σ grad_output ⊙ output of the query. */
function scoreGradients(
  { rows }: TaskTools,
  { output, grad_output, heads, head_dim, scale }: AttentionBackwardTask,
  p: Float32Array,
  ds: Float32Array,
  capSlopes: Float32Array | undefined,
  count: number,
  keys: number,
  at: number,
): void {
  const stride = scoreStride(keys);
  for (let row = 0; row < count; row++) {
    const from = at + row * heads * head_dim;
    const delta = rows.dot(grad_output, from, output, from, head_dim);
    const [start, end] = [row * stride, row * stride + keys];
    if (!capSlopes) {
      rows.scoreGradients(p, ds, start, end, delta, scale);
      continue;
    }
    // A key that is hidden has no probability, and its cap was never computed.
    for (let i = start; i < end; i++) ds[i] = p[i] === 0 ? 0 : p[i] * (ds[i] - delta) * scale * capSlopes[i];
  }
}
