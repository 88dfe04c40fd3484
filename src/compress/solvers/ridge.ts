/**
 * @file Least squares towards the dense model's own signal: each weight moves, with a ridge that holds it where it was, to
 * what gives that signal best from the inputs that the compressed model really has.
 */
import { choleskySolve, type LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';

/** Share of the mean diagonal that keeps the system positive definite where inputs are never used. */
const FLOOR = 1e-6;

export interface RidgeProblem {
  /** (out, in) row-major: where the ridge pulls to. */
  readonly W: Float64Array;
  readonly rows: number;
  readonly columns: number;
  /** (in, in): XᵀX of the inputs that the compressed model has. */
  readonly gram: Float64Array;
  /** (in, out): XᵀY, Y the signal that is wanted, bias and residual taken off. */
  readonly target: Float64Array;
  /** λ: the penalty is λ·Σ_j G_jj·‖Δw_j‖². */
  readonly ridge: number;
}

/**
 * argmin over W' of Σ_t ‖y_t − W'x_t‖² + λ·Σ_j G_jj‖w'_j − w_j‖², (out, in).
 * W' = W + ((G + λ·diag G + ε)⁻¹·(XᵀY − G·Wᵀ))ᵀ.
 * @throws `not_converged`, `cancelled`
 */
export async function ridgeCorrection(
  { W, rows, columns, gram, target, ridge }: RidgeProblem,
  options: LinalgOptions = {},
): Promise<Float64Array> {
  const { multiply = addProduct } = options;
  const H = gram.slice();
  let sum = 0;
  for (let i = 0; i < columns; i++) sum += gram[i * columns + i];
  // A text that uses no input at all moves nothing, but the system must have a solution.
  const floor = (FLOOR * sum) / columns || 1;
  for (let i = 0; i < columns; i++) H[i * columns + i] += ridge * gram[i * columns + i] + floor;
  // R = XᵀY − G·Wᵀ.
  const predicted = new Float64Array(columns * rows);
  multiply(columns, rows, columns, view(gram, columns), transposed(view(W, columns)), view(predicted, rows));
  const residual = target.map((value, i) => value - predicted[i]);
  const moved = await choleskySolve(H, residual, columns, rows, options);
  const corrected = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      corrected[row * columns + column] = W[row * columns + column] + moved[column * rows + row];
    }
  }
  return corrected;
}
