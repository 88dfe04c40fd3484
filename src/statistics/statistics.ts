/**
 * @file What a method may ask to know of the inputs of a linear. They are summed over all calibration tokens, in f64 on
 * the host in the end; linears that read the same tensor (q, k and v; gate and up) share one object.
 */

/**
 * - `gram`: Σ x·xᵀ, which the diagonal comes with;
 * - `diagonal`: Σ x² of each input alone;
 * - `means`: Σ x and Σ |x|;
 * - `range`: smallest, largest and largest in magnitude;
 * - `cross`: Σ x·x̄ᵀ with x̄ the same input in the dense model (GPTAQ, SAES-SVD), which the dense stream runs along for.
 */
export type Statistic = 'gram' | 'diagonal' | 'means' | 'range' | 'cross';

export interface TapStatistics {
  /** Inputs n of the linear: its columns. */
  readonly size: number;
  /** Tokens that were summed over. */
  readonly tokens: number;
  /** (n, n) symmetric, both triangles filled. Shared by linears with the same input: copy before changing it. */
  readonly gram?: Float64Array;
  /** (n) each. */
  readonly diagonal?: Float64Array;
  readonly sums?: Float64Array;
  readonly magnitudes?: Float64Array;
  readonly minimum?: Float64Array;
  readonly maximum?: Float64Array;
  /** max |x|. */
  readonly largest?: Float64Array;
  /** (n, n) row-major: row i is input i of the compressed stream, column j input j of the dense one. */
  readonly cross?: Float64Array;
}
