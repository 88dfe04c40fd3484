/**
 * @file How far a model's predictions are from the dense model's, token by token: Kullback–Leibler divergence, whether the
 * most likely token is the same, and what the right token's probability became. Both heads run block of the vocabulary by
 * block; sums are f64 on the host, so that a divergence of 10⁻⁶ has its digits.
 */

import type { ComparedLogits, LogitSums } from '../backend/compared_logits.ts';

/** Running figures of some tokens, one block of logits after another. Natural logarithms. */
export class DivergenceSums {
  private readonly dense: Side;
  private readonly own: Side;
  /** Σ exp(a − max a)·(a − b) with a the dense logits, b the model's. */
  private readonly weighted: Float64Array;

  /** @param targets The token that should follow each row. */
  constructor(private readonly targets: Uint32Array) {
    this.dense = new Side(targets.length);
    this.own = new Side(targets.length);
    this.weighted = new Float64Array(targets.length);
  }

  /** Logits (rows, n) of tokens `first … first + n` of the vocabulary, of both models. */
  add(dense: ArrayLike<number>, own: ArrayLike<number>, first: number): void {
    const { targets, weighted } = this;
    const n = dense.length / targets.length;
    for (let row = 0; row < targets.length; row++) {
      const start = row * n;
      const scaled = this.dense.rescale(dense, row, start, n, first);
      this.own.rescale(own, row, start, n, first);
      this.own.addExponentials(own, row, start, n);
      const maximum = this.dense.maximum[row];
      let sum = 0;
      let sumWeighted = 0;
      for (let i = start; i < start + n; i++) {
        const e = Math.exp(dense[i] - maximum);
        sum += e;
        sumWeighted += e * (dense[i] - own[i]);
      }
      this.dense.sum[row] += sum;
      weighted[row] = weighted[row] * scaled + sumWeighted;
      const target = targets[row] - first;
      if (target >= 0 && target < n) {
        this.dense.target[row] = dense[start + target];
        this.own.target[row] = own[start + target];
      }
    }
  }

  /** Of one row. */
  token(row: number): TokenDivergence {
    return tokenDivergence({ dense: this.dense.of(row), own: this.own.of(row), weighted: this.weighted[row] });
  }
}

/** What two models' logits of a token come to, after the last block. */
export function tokenDivergence({ dense, own, weighted }: ComparedLogits): TokenDivergence {
  const [denseLog, ownLog] = [logSum(dense), logSum(own)];
  const kl = weighted / dense.sum - denseLog + ownLog;
  const loss = ownLog - own.target;
  return {
    // Rounding may leave −10⁻¹⁶ where the two are the same.
    kl: Math.max(0, kl),
    loss,
    agrees: dense.best === own.best,
    probability_change: Math.exp(-loss) - Math.exp(dense.target - denseLog),
  };
}

function logSum({ sum, maximum }: LogitSums): number {
  return Math.log(sum) + maximum;
}

export interface TokenDivergence {
  /** KL(dense ‖ model), nats. */
  kl: number;
  /** −log p of the right token under the model. */
  loss: number;
  /** The most likely token is the dense model's. */
  agrees: boolean;
  /** Of the right token: the model's minus the dense model's. */
  probability_change: number;
}

/** Running log-sum-exp and maximum of one model. */
class Side {
  readonly maximum: Float64Array;
  readonly sum: Float64Array;
  readonly target: Float64Array;
  readonly best: Uint32Array;

  constructor(rows: number) {
    this.maximum = new Float64Array(rows).fill(Number.NEGATIVE_INFINITY);
    this.sum = new Float64Array(rows);
    this.target = new Float64Array(rows);
    this.best = new Uint32Array(rows);
  }

  /** Moves the row to the maximum that the block brings; gives the factor that its sums were multiplied by. */
  rescale(logits: ArrayLike<number>, row: number, start: number, n: number, first: number): number {
    let maximum = this.maximum[row];
    for (let i = start; i < start + n; i++) {
      if (logits[i] > maximum) {
        maximum = logits[i];
        this.best[row] = first + i - start;
      }
    }
    const factor = maximum === this.maximum[row] ? 1 : Math.exp(this.maximum[row] - maximum);
    this.maximum[row] = maximum;
    this.sum[row] *= factor;
    return factor;
  }

  addExponentials(logits: ArrayLike<number>, row: number, start: number, n: number): void {
    const maximum = this.maximum[row];
    let sum = 0;
    for (let i = start; i < start + n; i++) sum += Math.exp(logits[i] - maximum);
    this.sum[row] += sum;
  }

  of(row: number): LogitSums {
    return { maximum: this.maximum[row], best: this.best[row], sum: this.sum[row], target: this.target[row] };
  }
}

/** Means over all predicted tokens; errors are standard errors of the mean over tokens, as llama.cpp prints them. */
export interface DivergenceSummary {
  kl_divergence: number;
  kl_error: number;
  kl_median: number;
  kl_p99: number;
  top1_agreement: number;
  top1_error: number;
  probability_change: { mean: number; rms: number };
}

export function summarizeDivergence(tokens: readonly TokenDivergence[]): DivergenceSummary {
  const kl = Float64Array.from(tokens, (token) => token.kl);
  const { mean, error } = meanOf(kl);
  const agreement = meanOf(Float64Array.from(tokens, (token) => Number(token.agrees)));
  const changes = Float64Array.from(tokens, (token) => token.probability_change);
  const sorted = kl.slice().sort();
  const squares = changes.reduce((sum, change) => sum + change * change, 0);
  return {
    kl_divergence: mean,
    kl_error: error,
    kl_median: quantile(sorted, 0.5),
    kl_p99: quantile(sorted, 0.99),
    top1_agreement: agreement.mean,
    top1_error: agreement.error,
    probability_change: { mean: meanOf(changes).mean, rms: Math.sqrt(squares / Math.max(1, changes.length)) },
  };
}

function meanOf(values: Float64Array): { mean: number; error: number } {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, n - 1);
  return { mean, error: n > 1 ? Math.sqrt(variance / n) : 0 };
}

/** Between the two nearest ranks, linearly. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(sorted.length - 1, low + 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}
