/**
 * @file CPU twin of `attention_backward`, plainly: a query at a time, its probabilities made again in a row. Rows of keys and
 * values are added to in the order of the queries.
 */
import { checkAttentionBackward } from '../shapes.ts';
import type { AttentionBackwardArgs } from '../training_kernels.ts';
import { floats } from './tensor.ts';

export function attention_backward(args: AttentionBackwardArgs): void {
  const { batch, group } = checkAttentionBackward(args);
  const { seqlen, heads, kv_heads, head_dim, scale, soft_cap, window = seqlen } = args;
  const [query, key, value, output] = [args.query, args.key, args.value, args.output].map(floats);
  const grad_output = floats(args.grad_output);
  const [grad_query, grad_key, grad_value] = [args.grad_query, args.grad_key, args.grad_value].map(floats);
  const slopes = args.slopes && floats(args.slopes);
  for (const gradient of [grad_query, grad_key, grad_value]) gradient.fill(0);
  const probabilities = new Float64Array(seqlen);
  const inner = new Float64Array(seqlen); // derivative of the scores by the products
  const dot = (a: ArrayLike<number>, at: number, b: ArrayLike<number>, bt: number) => {
    let sum = 0;
    for (let c = 0; c < head_dim; c++) sum += a[at + c] * b[bt + c];
    return sum;
  };
  for (let sequence = 0; sequence < batch; sequence++) {
    for (let head = 0; head < heads; head++) {
      const slope = slopes ? slopes[head] : 0;
      const kv = (position: number) =>
        ((sequence * seqlen + position) * kv_heads + Math.floor(head / group)) * head_dim;
      for (let position = 0; position < seqlen; position++) {
        const at = ((sequence * seqlen + position) * heads + head) * head_dim;
        const oldest = Math.max(0, position + 1 - window);
        let maximum = Number.NEGATIVE_INFINITY;
        for (let j = oldest; j <= position; j++) {
          let score = dot(query, at, key, kv(j)) * scale;
          inner[j] = scale;
          if (soft_cap !== undefined) {
            const capped = Math.tanh(score / soft_cap);
            score = soft_cap * capped;
            inner[j] *= 1 - capped * capped;
          }
          probabilities[j] = score + slope * (j - position);
          maximum = Math.max(maximum, probabilities[j]);
        }
        let sum = 0;
        for (let j = oldest; j <= position; j++) sum += Math.exp(probabilities[j] - maximum);
        const log_sum = maximum + Math.log(sum);
        const delta = dot(grad_output, at, output, at);
        for (let j = oldest; j <= position; j++) {
          const p = Math.exp(probabilities[j] - log_sum);
          const ds = p * (dot(grad_output, at, value, kv(j)) - delta) * inner[j];
          for (let c = 0; c < head_dim; c++) {
            grad_query[at + c] += ds * key[kv(j) + c];
            grad_key[kv(j) + c] += ds * query[at + c];
            grad_value[kv(j) + c] += p * grad_output[at + c];
          }
        }
      }
    }
  }
}
