/**
 * @file A text that the student samples, or that student and teacher sample together (teacher-mixed, arXiv 2306.08543 §2.2), with the
 * log-probabilities that each gave its tokens.
 */
import { nextTask, throwIfCancelled } from '../../backend/event_loop.ts';
import type { Writer } from './writer.ts';

export interface Sample {
  readonly prompt: Uint32Array;
  /** The one that ended it included; at least one. */
  readonly tokens: readonly number[];
  /** ln q of each token, the student's. */
  readonly student: readonly number[];
  /** ln p of each, the teacher's, where it sampled too. */
  readonly teacher: readonly number[];
}

export interface Sampling {
  readonly student: Writer;
  readonly teacher?: Writer;
  readonly count: number;
  readonly ends: readonly number[];
  readonly choose: Choose;
  readonly signal: AbortSignal;
}

/** @param q ln of the student's distribution. @param p The teacher's, where it samples too. */
export type Choose = (q: Float64Array, p: Float64Array | undefined) => number;

export async function sampled(
  prompt: Uint32Array,
  { student, teacher, count, ends, choose, signal }: Sampling,
): Promise<Sample> {
  const total = prompt.length + count;
  const own = student.text(total);
  const other = teacher?.text(total);
  const found = { prompt, tokens: [] as number[], student: [] as number[], teacher: [] as number[] };
  try {
    let next = prompt;
    while (found.tokens.length < count) {
      // What computes on this thread leaves no room for a message that says stop.
      await nextTask();
      throwIfCancelled(signal);
      const q = logProbabilities(await own.append(next, signal));
      const p = other && logProbabilities(await other.append(next, signal));
      const token = choose(q, p);
      found.tokens.push(token);
      found.student.push(q[token]);
      if (p) found.teacher.push(p[token]);
      if (ends.includes(token)) break;
      next = Uint32Array.of(token);
    }
    return found;
  } finally {
    own.free();
    other?.free();
  }
}

/** ln softmax, in f64. */
function logProbabilities(logits: ArrayLike<number>): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) most = Math.max(most, logits[i]);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - most);
  const log = most + Math.log(sum);
  return new Float64Array(logits).map((logit) => logit - log);
}

/** A draw from share · p + (1 − share) · q. @param random Uniform in [0, 1), one for each token. */
export function drawing(share: number, random: () => number): Choose {
  return (q, p) => {
    let left = random();
    for (let id = 0; id < q.length; id++) {
      left -= (1 - share) * Math.exp(q[id]) + (p ? share * Math.exp(p[id]) : 0);
      if (left < 0) return id;
    }
    // Rounding may leave a little behind all of them.
    return q.reduce((best, value, id) => (value > q[best] ? id : best), 0);
  };
}
