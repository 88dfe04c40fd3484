/** @file What `compare_logits` leaves of each token, and how it is read. */

/** Numbers a row: of the dense model maximum, its place in the vocabulary, Σ exp(logit − maximum) and the target's logit; the same
 * of the other; Σ exp(a − max a)·(a − b) with a the dense logits and b the other's. */
export const COMPARED = 9;

/** Running log-sum-exp of one model's logits. */
export interface LogitSums {
  readonly maximum: number;
  /** The most likely token. */
  readonly best: number;
  readonly sum: number;
  /** The right token's logit. */
  readonly target: number;
}

export interface ComparedLogits {
  readonly dense: LogitSums;
  readonly own: LogitSums;
  readonly weighted: number;
}

export function comparedRow(state: ArrayLike<number>, row: number): ComparedLogits {
  const at = row * COMPARED;
  const side = (from: number): LogitSums => ({
    ...{ maximum: state[from], best: state[from + 1] },
    ...{ sum: state[from + 2], target: state[from + 3] },
  });
  return { dense: side(at), own: side(at + 4), weighted: state[at + 8] };
}
