/**
 * @file How far a model's predictions are from the dense model's, token by token: Kullback–Leibler divergence, whether the
 * most likely token is the same, and what the right token's probability became. The device sums over the vocabulary
 * (`compare_heads.ts`); what is left is a few numbers a token.
 */

/** What the device leaves of some tokens. */
export interface HeadStates {
  /** (rows, 4) each, of `cross_entropy`. */
  dense: ArrayLike<number>;
  own: ArrayLike<number>;
  /** (rows, 8), of `compare_logits`. */
  compared: ArrayLike<number>;
}

/** Of one row. */
export function tokenDivergence({ dense, own, compared }: HeadStates, row: number): TokenDivergence {
  const denseLog = Math.log(dense[4 * row + 1]) + dense[4 * row];
  const ownLog = Math.log(own[4 * row + 1]) + own[4 * row];
  const loss = ownLog - own[4 * row + 2];
  const [place, ownPlace, ...sums] = Array.from({ length: 5 }, (_, i) => compared[8 * row + 2 + i]);
  const [moved, excess] = [sums[0], sums[1]].map((sum) => sum / dense[4 * row + 1]);
  const raised = moved + excess;
  // The first keeps small divergences; where the two are far apart its exponentials are not finite or its logarithm is rounded.
  const kl = Math.abs(raised) < 0.5 ? Math.log1p(raised) - moved : ownLog - denseLog - moved - sums[2];
  return {
    // Rounding may leave −10⁻¹⁶ where the two are the same.
    kl: Math.max(0, kl),
    loss,
    agrees: place === ownPlace,
    probability_change: Math.exp(-loss) - Math.exp(dense[4 * row + 2] - denseLog),
  };
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
