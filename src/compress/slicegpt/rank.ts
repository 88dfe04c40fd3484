/** @file How many directions of a covariance can be told from rounding: the others are empty as far as anybody knows. */
import { type Dominant, trace } from '../../backend/linalg/dominant.ts';

/** Rounding unit of the products that a covariance is summed from on a device, and unit in the last place of each solver. */
const U = 2 ** -24;
const ULP = { single: 2 ** -23, double: 2 ** -52 };

/**
 * Numerical rank: eigenvalues above n·ulp of the largest that the solver was given (the usual tolerance, Golub & Van Loan,
 * §5.5.8), above what rounding of the sum may amount to, and above f64 rounding of the whole. Dead and duplicate channels
 * lower it, and so does a calibration with fewer tokens than channels.
 * @param eigenvalues Descending.
 * @param dominant Taken out before the solver where `isSingle`.
 * @param lost See `lostDigits`.
 */
export function numericalRank(
  H: Float64Array,
  eigenvalues: Float64Array,
  dominant: Dominant,
  lost: number,
  isSingle: boolean,
): number {
  const n = eigenvalues.length;
  const first = isSingle ? Math.min(dominant.count, n - 1) : 0;
  const rest = Math.max(0, trace(H, n) - dominant.values.reduce((sum, value) => sum + value, 0));
  const tolerance = Math.max(
    n * (isSingle ? ULP.single : ULP.double) * eigenvalues[first],
    isSingle ? U * lost * rest : 0,
    n * ULP.double * eigenvalues[0],
  );
  return eigenvalues.filter((value) => value > tolerance).length;
}
