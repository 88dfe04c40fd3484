/**
 * @file Eigenproblem of diag(d) + ρ·z·zᵀ by its secular equation f(λ) = 1/ρ + Σ zᵢ²/(dᵢ − λ) = 0: one root between each two
 * neighbours of d. Roots are found as distances from the nearer pole, so that every dᵢ − λⱼ is known to full relative
 * precision, and z is then recomputed to fit the roots found (Löwner's formula), which makes the eigenvectors orthogonal
 * however close roots lie (Gu & Eisenstat, SIAM J. Matrix Anal. Appl. 16, 1995).
 */
import { WhittleError } from '../../errors/errors.ts';

const EPSILON = Number.EPSILON / 2;
/** Four or five are usual; bisection alone would end within about a hundred. */
const MAX_STEPS = 120;

export interface SecularSolution {
  /** Ascending. */
  eigenvalues: Float64Array;
  /** (k, k) row-major: row j holds dᵢ − λⱼ for all i. */
  differences: Float64Array;
}

/**
 * @param d (k) strictly ascending. @param z (k) without zeros. @param rho Positive.
 * @throws `not_converged`
 */
export function secularRoots(d: Float64Array, z: Float64Array, rho: number): SecularSolution {
  const k = d.length;
  const eigenvalues = new Float64Array(k);
  const differences = new Float64Array(k * k);
  for (let j = 0; j < k; j++) eigenvalues[j] = rootAfter(d, z, rho, j, differences.subarray(j * k, (j + 1) * k));
  return { eigenvalues, differences };
}

/** The root above d[j], as a value; `delta` gets dᵢ − root. */
function rootAfter(d: Float64Array, z: Float64Array, rho: number, j: number, delta: Float64Array): number {
  const k = d.length;
  const isLast = j === k - 1;
  let squares = 0;
  if (isLast) for (let i = 0; i < k; i++) squares += z[i] * z[i];
  const width = isLast ? rho * squares : d[j + 1] - d[j];
  // The half in which f changes its sign decides which pole is the nearer one.
  const isRight = !isLast && secularAt(d, z, rho, d[j], width / 2) < 0;
  const origin = isRight ? d[j + 1] : d[j];
  for (let i = 0; i < k; i++) delta[i] = d[i] - origin;
  // Distances of the root from the origin: between 0 and half the interval, on the side of it.
  let low = isRight ? -width / 2 : 0;
  let high = isRight ? 0 : isLast ? width : width / 2;
  const left = Math.min(j, k - 2); // the two poles that the interpolation goes through
  const split = isLast ? k - 1 : j + 1;
  let tau = firstGuess(delta, z, rho, left, low, high);
  for (let step = 0; step < MAX_STEPS; step++) {
    const { value, error, below, above } = evaluate(delta, z, rho, split, tau);
    if (Math.abs(value) <= error) return finished(delta, origin, tau);
    if (value < 0) low = Math.max(low, tau);
    else high = Math.min(high, tau);
    let next = tau + correction(delta, left, tau, value, below, above, isLast);
    if (!(next > low && next < high)) next = low + (high - low) / 2;
    if (next === tau || high - low <= 2 * EPSILON * Math.abs(tau)) return finished(delta, origin, next);
    tau = next;
  }
  throw new WhittleError({
    code: 'not_converged',
    message: `A root of the secular equation was not found in ${MAX_STEPS} steps.`,
    action: 'Please report this with the model and the calibration text.',
  });
}

function finished(delta: Float64Array, origin: number, tau: number): number {
  for (let i = 0; i < delta.length; i++) delta[i] -= tau;
  return origin + tau;
}

/** f at `origin + tau`. */
function secularAt(d: Float64Array, z: Float64Array, rho: number, origin: number, tau: number): number {
  let sum = 1 / rho;
  for (let i = 0; i < d.length; i++) sum += (z[i] * z[i]) / (d[i] - origin - tau);
  return sum;
}

/** The root of f with all but the two nearest poles taken as constant, at the middle of the bracket. */
function firstGuess(
  delta: Float64Array,
  z: Float64Array,
  rho: number,
  left: number,
  low: number,
  high: number,
): number {
  const middle = low + (high - low) / 2;
  if (left < 0) return middle;
  let c = 1 / rho;
  for (let i = 0; i < delta.length; i++) if (i !== left && i !== left + 1) c += (z[i] * z[i]) / (delta[i] - middle);
  const [p, q] = [delta[left], delta[left + 1]];
  const [u, v] = [z[left] * z[left], z[left + 1] * z[left + 1]];
  // c·(p − τ)(q − τ) + u·(q − τ) + v·(p − τ) = 0
  const b = -c * (p + q) - u - v;
  const e = c * p * q + u * q + v * p;
  const root = Math.sqrt(Math.max(0, b * b - 4 * c * e));
  const s = b > 0 ? -(b + root) / 2 : -(b - root) / 2;
  for (const guess of [s / c, e / s]) if (guess > low && guess < high) return guess;
  return middle;
}

interface Evaluation {
  /** f, and how far rounding alone can take it from zero. */
  value: number;
  error: number;
  /** Derivatives of the sums over the poles below and above the root. */
  below: number;
  above: number;
}

function evaluate(delta: Float64Array, z: Float64Array, rho: number, split: number, tau: number): Evaluation {
  const k = delta.length;
  let negative = 0;
  let positive = 0;
  let below = 0;
  let above = 0;
  for (let i = 0; i < split; i++) {
    const ratio = z[i] / (delta[i] - tau);
    negative += z[i] * ratio;
    below += ratio * ratio;
  }
  for (let i = split; i < k; i++) {
    const ratio = z[i] / (delta[i] - tau);
    positive += z[i] * ratio;
    above += ratio * ratio;
  }
  const size = 1 / rho + Math.abs(negative) + Math.abs(positive) + Math.abs(tau) * (below + above);
  return { value: 1 / rho + negative + positive, error: 4 * EPSILON * size, below, above };
}

/** One step of Li's "middle way" (LAPACK working note 89): f is matched by c + s/(δ₁ − τ) + t/(δ₂ − τ), solved exactly. */
function correction(
  delta: Float64Array,
  left: number,
  tau: number,
  value: number,
  below: number,
  above: number,
  isLast: boolean,
): number {
  const newton = -value / (below + above);
  if (left < 0) return newton;
  const d1 = delta[left] - tau;
  const d2 = delta[left + 1] - tau;
  const c = value - d1 * below - d2 * above;
  const a = (d1 + d2) * value - d1 * d2 * (below + above);
  const b = d1 * d2 * value;
  const root = Math.sqrt(Math.max(0, a * a - 4 * b * c));
  let step: number;
  if (isLast) step = a >= 0 ? (a + root) / (2 * c) : (2 * b) / (a - root);
  else step = a <= 0 ? (a - root) / (2 * c) : (2 * b) / (a + root);
  // A step against the slope is rounding: f rises everywhere between two poles.
  return Number.isFinite(step) && step * value < 0 ? step : newton;
}

/**
 * Eigenvectors of diag(d) + ρ·ẑ·ẑᵀ, the problem near the given one whose roots are exactly those found.
 * @returns (k, k) row-major, unit rows, row j for root j.
 */
export function secularVectors(d: Float64Array, z: Float64Array, { differences }: SecularSolution): Float64Array {
  const k = d.length;
  const vectors = new Float64Array(k * k);
  // ẑᵢ² ~ (λᵢ − dᵢ)·Π_{j≠i} (λⱼ − dᵢ)/(dⱼ − dᵢ): ratios near 1, so that the product neither over- nor underflows.
  const fitted = new Float64Array(k);
  for (let i = 0; i < k; i++) fitted[i] = -differences[i * k + i];
  for (let j = 0; j < k; j++) {
    for (let i = 0; i < k; i++) if (j !== i) fitted[i] *= -differences[j * k + i] / (d[j] - d[i]);
  }
  for (let i = 0; i < k; i++) fitted[i] = Math.sign(z[i]) * Math.sqrt(Math.abs(fitted[i]));
  for (let j = 0; j < k; j++) {
    let squares = 0;
    for (let i = 0; i < k; i++) {
      const component = fitted[i] / differences[j * k + i];
      vectors[j * k + i] = component;
      squares += component * component;
    }
    const scale = 1 / Math.sqrt(squares);
    for (let i = 0; i < k; i++) vectors[j * k + i] *= scale;
  }
  return vectors;
}
