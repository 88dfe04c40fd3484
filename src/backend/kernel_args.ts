/** @file What each kernel takes, with shapes: part of `backend.ts`, which has all of it. */
import type { Tensor } from './tensors.ts';

export interface EmbeddingArgs {
  /** u32 (rows). */
  input_ids: Tensor;
  /** (n, d): rows `first_row … first_row + n` of the table. */
  weight: Tensor;
  first_row: number;
  /** (rows, d); rows whose token lies outside this part of the table are left as they are. */
  output: Tensor;
}

export interface RmsNormArgs {
  /** (rows, d). */
  hidden_states: Tensor;
  /** (d); absent means ones. */
  weight?: Tensor;
  /** (d); absent means zeros. */
  bias?: Tensor;
  eps: number;
  /** Divisor of Σx²: the original hidden size. */
  normalized_size: number;
  /** d: how many consecutive elements are normed together; a divisor of the row length, which it is by default. */
  width?: number;
  /** Shaped as `hidden_states`, another tensor. */
  output: Tensor;
}

/** output[r] = 1/√(Σx²/normalized_size + eps) of row r: what an RMSNorm without weight multiplies the row by. */
export interface RmsScaleArgs {
  /** (rows, d). */
  hidden_states: Tensor;
  eps: number;
  normalized_size: number;
  /** (rows, 1). */
  output: Tensor;
}

/** (x − mean)/√(variance + eps) · weight + bias over each row (arXiv 1607.06450); the variance is the biased one. */
export interface LayerNormArgs {
  /** (rows, d). */
  hidden_states: Tensor;
  /** (d) each; absent means ones and zeros. */
  weight?: Tensor;
  bias?: Tensor;
  eps: number;
  /** Each stretch of this many elements is normed alone (heads), in place of whole rows; a divisor of d. */
  width?: number;
  /** (rows, d), another tensor than `hidden_states`. */
  output: Tensor;
}

/** `matmul`: a (m, k) · b (k, ≥n) → output (m, n). `matmul_bt`: a (m, k) · b (≥n, ≥k)ᵀ → output (m, n).
 * `matmul_at`: a (k, ≥m)ᵀ · b (k, ≥n) → output (m, n). */
export interface MatmulArgs {
  a: Tensor;
  b: Tensor;
  output: Tensor;
  /** The product is added to what `output` holds, as a residual connection does: no branch is written and read again. */
  accumulate?: boolean;
}

/**
 * Factors that `matmul_bt` multiplies its product by while it stores it, so that neither a normed input nor an ungated
 * output is ever written: row_scale ⊙ (a·bᵀ) ⊙ act(gate).
 */
export interface MatmulBtArgs extends MatmulArgs {
  /** (m, 1), one factor a row. RMSN(a)·bᵀ is a·bᵀ with the `rms_scale` of a. */
  row_scale?: Tensor;
  gate?: Gate;
}

/** act(states) multiplies a product elementwise, as in `glu`. */
export interface Gate {
  /** Shaped as the product, and not where it is stored. */
  states: Tensor;
  activation: ActivationName;
}

export interface AddBiasArgs {
  /** (rows, d), changed in place. */
  hidden_states: Tensor;
  /** (d). */
  bias: Tensor;
}

/**
 * Rotary embedding in place: pairs are i and i + dim/2 (`rotate_half` of Llama), or 2i and 2i + 1 where `interleaved`
 * (GPT-J). Elements of a head from dim on are left as they are.
 */
export interface RotaryArgs {
  /** (batch·seqlen, heads·head_dim); the position of a row is row mod seqlen. */
  states: Tensor;
  /** (≥seqlen, dim/2) each. */
  cos: Tensor;
  sin: Tensor;
  seqlen: number;
  heads: number;
  head_dim: number;
  interleaved?: boolean;
}

/** Causal grouped-query attention; no T×T matrix is stored (online softmax). */
export interface AttentionArgs {
  /** (batch·seqlen, heads·head_dim). */
  query: Tensor;
  /** (batch·seqlen, kv_heads·head_dim). */
  key: Tensor;
  value: Tensor;
  /** (batch·seqlen, heads·head_dim). */
  output: Tensor;
  seqlen: number;
  heads: number;
  kv_heads: number;
  head_dim: number;
  /** score = soft_cap(scale · q·k) + slope · (key position − query position). */
  scale: number;
  /** A query sees the keys of this many latest positions, its own included; absent: all. */
  window?: number;
  /** Scaled scores become cap · tanh(score / cap). */
  soft_cap?: number;
  /** (heads): ALiBi slopes. */
  slopes?: Tensor;
  /**
   * Positions before the first query, of one sequence whose keys and values were kept (a cache): queries stand at
   * past … past + seqlen, keys and values have at least as many rows and more are not read. Absent: 0, and as many as queries.
   */
  past?: number;
}

/** output rows first_row … first_row + n ← source (n, columns), in place: what appends to a cache. */
export interface WriteRowsArgs {
  source: Tensor;
  output: Tensor;
  first_row: number;
}

/** silu(x) = x/(1 + e^(−x)); gelu(x) = x·Φ(x) with erf, gelu_tanh its tanh approximation (arXiv 1606.08415); relu2(x) = max(0, x)². */
export type ActivationName = 'silu' | 'relu' | 'gelu' | 'gelu_tanh' | 'relu2';

/** output = act(gate) ⊙ up, all (rows, f) (arXiv 2002.05202). */
export interface GluArgs {
  activation: ActivationName;
  gate: Tensor;
  up: Tensor;
  output: Tensor;
}

/** output = act(hidden_states), elementwise; another tensor than `hidden_states`. */
export interface ActivationArgs {
  activation: ActivationName;
  hidden_states: Tensor;
  output: Tensor;
}

/** hidden_states ← factor · hidden_states, in place. */
export interface ScaleArgs {
  hidden_states: Tensor;
  factor: number;
}

/** hidden_states ← cap · tanh(hidden_states / cap), in place. */
export interface SoftCapArgs {
  hidden_states: Tensor;
  cap: number;
}

/** output = xIELU(hidden_states), arXiv 2411.13010: α₊·x² + β·x for x > 0, else (e^min(x, ε) − 1 − x)·α₋ + β·x. */
export interface XieluArgs {
  hidden_states: Tensor;
  alpha_p: number;
  alpha_n: number;
  beta: number;
  /** At most 0. */
  eps: number;
  output: Tensor;
}

/** hidden_states ← min(max(hidden_states, −limit), limit), in place; NaN stays. */
export interface ClipArgs {
  hidden_states: Tensor;
  /** Positive. */
  limit: number;
}

/**
 * output = round(hidden_states / s) · s, s = max|row| / levels: each row in whole multiples of a step of its own, symmetric
 * around 0 (127 levels are int8). Halves round to even; NaN stays, and does not count towards the largest.
 */
export interface QuantizeRowsArgs {
  /** (rows, d). */
  hidden_states: Tensor;
  levels: number;
  /** (rows / seqlen, d): columns where it is not 0 pass as they are in that window, and do not count towards the largest. */
  kept?: Tensor;
  /** Rows of a window; absent: all of them are one. */
  seqlen?: number;
  output: Tensor;
}

/** output = scale · (clamp(round(hidden_states / scale) + zero, 0, levels) − zero), each column on a grid of its own. */
export interface QuantizeColumnsArgs {
  /** (rows, d). */
  hidden_states: Tensor;
  /** (d), positive. */
  scale: Tensor;
  /** (d), whole numbers. */
  zero: Tensor;
  levels: number;
  output: Tensor;
}

/** output = 1 where any row of a window reaches the threshold in a column, |hidden_states| ≥ threshold, else 0. */
export interface OutlierColumnsArgs {
  /** (rows, d). */
  hidden_states: Tensor;
  /** Positive. */
  threshold: number;
  /** Rows of a window: a divisor of the rows. */
  seqlen: number;
  /** (rows / seqlen, d). */
  output: Tensor;
}

/** output = a + b, elementwise; `output` may be `a`. */
export interface AddArgs {
  a: Tensor;
  b: Tensor;
  output: Tensor;
}

/** Adds XᵀX to the upper triangle (column ≥ row) of `covariance`; the lower triangle is not touched. */
export interface CovarianceArgs {
  /** (rows, n). */
  hidden_states: Tensor;
  /** (n, n). */
  covariance: Tensor;
  /**
   * (n, n): takes what f32 rounding leaves out of `covariance`, so that the sum over any number of calls is
   * covariance + low. Absent, the sum is rounded at every 256 rows. Stays zero on backends that compute in f64.
   */
  low?: Tensor;
}

/** output[i, j] = weight[i, j] · scale[j]: `W·diag(γ)`. */
export interface ScaleColumnsArgs {
  weight: Tensor;
  scale: Tensor;
  output: Tensor;
}

/** Subtracts from each row its mean, in place (fusion of LayerNorm centres the residual stream). */
export interface CenterRowsArgs {
  hidden_states: Tensor;
}

/** Subtracts from each column its mean, in place: `(I − 11ᵀ/rows)·W`, what a linear that writes centred states holds. */
export interface CenterColumnsArgs {
  /** (rows, n). */
  weight: Tensor;
}

/**
 * One pass of log-softmax + cross-entropy over a block of the vocabulary. `state` (rows, 4) holds per token: running
 * maximum, sum of exp(logit − maximum), logit of the target, unused. The block with `first_column` 0 initialises it.
 * After the last block the loss of a token is `log(sum) + maximum − target`.
 */
export interface CrossEntropyArgs {
  /** (rows, n): logits of tokens `first_column … first_column + n` of the vocabulary. */
  logits: Tensor;
  /** u32 (rows). */
  target_ids: Tensor;
  first_column: number;
  /** (rows, 4). */
  state: Tensor;
}

/**
 * Two heads' logits of the same tokens over a block of the vocabulary, for their divergence. `state` (rows, 8) holds per token:
 * the maxima of dense and of own and their columns, Σ w·d, Σ w·(exp(d) − 1 − d), shift, unused; w = exp(dense − maximum),
 * d = own − dense − shift, the shift being the difference of the maxima of the first block. The block with `first_column` 0
 * initialises it. With D and E the two sums divided by Σ w, KL(dense ‖ own) = ln(1 + D + E) − D whatever the shift; no term of
 * E is negative, and D is small, so that f32 sums give a small divergence its digits.
 */
export interface CompareLogitsArgs {
  /** (rows, n): logits of tokens `first_column … first_column + n` of the vocabulary, below 2²⁴. */
  dense: Tensor;
  own: Tensor;
  /** (rows, 4) each: as `cross_entropy` leaves them after this block. */
  dense_state: Tensor;
  own_state: Tensor;
  first_column: number;
  /** (rows, 8). */
  state: Tensor;
}

/** Adds the number of NaN and infinite elements of `tensor` to `counts[index]`. Bit tests: WGSL may assume no NaN. */
export interface CountNonFiniteArgs {
  tensor: Tensor;
  /** u32 (≥ index + 1). */
  counts: Tensor;
  index: number;
}

export interface EighArgs {
  /** (n, n) symmetric; only the upper triangle is read, and it is left as it was. */
  covariance: Tensor;
  /** How many eigenvectors are wanted, of the largest eigenvalues; all by default. A backend for which fewer are no less work gives all. */
  wanted?: number;
  signal?: AbortSignal;
}

/** Of a matrix that the host holds in f64. */
export interface Eigh64Args extends Pick<EighArgs, 'signal'> {
  /** (n, n) row-major, symmetric; only the upper triangle is read. */
  matrix: Float64Array;
  n: number;
  /** How many eigenvectors are wanted, of the largest eigenvalues. */
  wanted: number;
}

/** Of several matrices of one size, which need not wait for one another. */
export interface EighTogetherArgs extends Omit<Eigh64Args, 'matrix'> {
  matrices: readonly Float64Array[];
}

export interface Eigendecomposition {
  /** All n, descending. */
  eigenvalues: Float64Array;
  /** (n, columns), as many as wanted or more: column j belongs to eigenvalue j; the largest component of each column is positive. The caller disposes. */
  eigenvectors: Tensor;
  /** Of an iterative solver; 0 for a direct one. */
  sweeps: number;
  solver: string;
}
