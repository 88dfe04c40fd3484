/**
 * @file The policy gradient of MiniLLM (arXiv 2306.08543, eq. 7) as weights of two losses that the head knows. With r_t = ln p(y_t) − ln q(y_t),
 * w_t = q(y_t) / p̃(y_t) and R_{t+1} the mean of r over the tokens behind t,
 *   ∇L = −Σ w_t · (R_{t+1} · ∇ln q(y_t) + ∇E_{y∼q(·|t)}[r]):
 * the first part is −ln q of the token, weighed by w·R; the second the reverse KL of the position, weighed by w, exactly over the vocabulary.
 */
import type { BatchTargets } from '../../runtime/backward/head.ts';
import type { WindowBatch } from '../../runtime/windows.ts';
import type { Sample } from '../on_policy/sample.ts';

export interface PolicyWeights {
  /** w / N of each token: what the reverse KL before it counts. N: tokens of all samples. */
  readonly single: readonly number[];
  /** w · R / N: what −ln q of it counts; 0 where the ratio is clipped. */
  readonly long: readonly number[];
}

/** @param share Of the teacher in what was sampled from: p̃ = share · p + (1 − share) · q. @param clip ε of the ratio; 0: none. */
export function policyWeights(
  samples: readonly Sample[],
  { share, clip }: { readonly share: number; readonly clip: number },
): { weights: PolicyWeights[]; reverse_kl: number } {
  const N = samples.reduce((sum, { tokens }) => sum + tokens.length, 0);
  let reverse_kl = 0;
  const weights = samples.map(({ student, teacher }) => {
    const rewards = student.map((q, t) => teacher[t] - q);
    const ratios = student.map((q, t) => 1 / (share * Math.exp(teacher[t] - q) + (1 - share)));
    reverse_kl -= rewards.reduce((sum, reward, t) => sum + (ratios[t] * reward) / N, 0);
    let behind = rewards.reduce((sum, reward) => sum + reward, 0);
    const long = rewards.map((reward, t) => {
      behind -= reward;
      const left = rewards.length - 1 - t;
      const R = left === 0 ? 0 : behind / left;
      return isClipped(ratios[t], R, clip) ? 0 : (ratios[t] * R) / N;
    });
    return { single: ratios.map((ratio) => ratio / N), long };
  });
  return { weights, reverse_kl };
}

/** Where min(ρR, clip(ρ, 1 − ε, 1 + ε)·R) is flat. */
function isClipped(ratio: number, R: number, clip: number): boolean {
  return clip > 0 && ((R > 0 && ratio > 1 + clip) || (R < 0 && ratio < 1 - clip));
}

/** @param texts Windows behind the samples, of text whose every token counts `pt` in their mean. */
export function policyTargets(
  samples: readonly Sample[],
  weights: readonly PolicyWeights[],
  ids: Uint32Array,
  seqlen: number,
  batches: readonly WindowBatch[],
  { texts, pt }: { readonly texts: number; readonly pt: number },
): BatchTargets[] {
  return batches.map(({ first, count }) => {
    const rows = count * seqlen;
    const made = {
      targets: new Uint32Array(rows),
      weights: new Float64Array(rows),
      text_weights: new Float64Array(rows),
    };
    for (let i = 0; i < count; i++) {
      const window = first + i;
      const sample = samples[window];
      const from = sample ? sample.prompt.length : 1;
      const length = sample ? from + sample.tokens.length : seqlen;
      for (let at = from; at < length; at++) {
        const row = i * seqlen + at - 1;
        made.targets[row] = ids[window * seqlen + at];
        made.weights[row] = sample ? weights[window].single[at - from] : 0;
        made.text_weights[row] = sample ? weights[window].long[at - from] : pt / (texts * (seqlen - 1));
      }
    }
    return made;
  });
}
