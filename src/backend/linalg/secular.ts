/**
 * @file Eigenproblem of diag(d) + ρ·z·zᵀ by its secular equation f(λ) = 1/ρ + Σ zᵢ²/(dᵢ − λ) = 0: one root between each two
 * neighbours of d. Roots are found as distances from the nearer pole, so that every dᵢ − λⱼ is known to full relative
 * precision, and z is then recomputed to fit the roots found (Löwner's formula), which makes the eigenvectors orthogonal
 * however close roots lie (Gu & Eisenstat, SIAM J. Matrix Anal. Appl. 16, 1995).
 * Of some 360 on, roots are found and vectors made on all threads: below, the waits take what that saves.
 */
import { WhittleError } from '../../errors/errors.ts';
import { type AddProduct, addProduct } from './gemm.ts';
import { type SecularRows, secularRows } from './secular_kernel.ts';
import { rangesOf, runShared, type SecularProblem, type SecularVectors } from './shared_work.ts';

const EPSILON = Number.EPSILON / 2;
/** Four or five are usual; bisection alone would end within about a hundred. */
const MAX_STEPS = 120;

/** Multiply-adds that take as long as what is done for a pole: divisions, for a root five times over. */
const DIVISION_WORK = 4;
/** Roots that a range has, at least. */
const LEAST_ROOTS = 16;

/** The problem, with d and z in the kernel's memory. */
interface Problem {
  readonly rows: SecularRows;
  readonly k: number;
  readonly rho: number;
}

/**
 * @param problem With room for the roots and, (k, k), for what they are off the poles.
 * @throws `not_converged`
 */
export function secularRoots(problem: SecularProblem, multiply: AddProduct = addProduct): void {
  const { k } = problem;
  runShared(multiply, 'secular_roots', rootsOf, problem, rangesOf(k, LEAST_ROOTS), DIVISION_WORK * k * k);
}

function rowsFor(k: number, multiply: AddProduct): SecularRows {
  return multiply.secularRows?.(k) ?? secularRows(k);
}

/** Roots `start … end`. */
export function rootsOf(task: SecularProblem, start: number, end: number, multiply: AddProduct = addProduct): void {
  const { d, z, k, rho, eigenvalues, differences } = task;
  const rows = rowsFor(k, multiply);
  rows.d.set(d);
  rows.z.set(z);
  const problem = { rows, k, rho };
  for (let j = start; j < end; j++) {
    eigenvalues[j] = rootAfter(problem, j);
    rows.put(rows.delta, differences, j * k, k);
  }
}

/** The root above d[j], as a value; row `delta` gets dᵢ − root. */
function rootAfter(problem: Problem, j: number): number {
  const { rows, k, rho } = problem;
  const { d, z, delta } = rows;
  const isLast = j === k - 1;
  let squares = 0;
  if (isLast) for (let i = 0; i < k; i++) squares += z[i] * z[i];
  const width = isLast ? rho * squares : d[j + 1] - d[j];
  const left = Math.min(j, k - 2); // the two poles that the interpolation goes through
  const split = isLast ? k - 1 : j + 1;
  let origin = d[j];
  rows.shift(d, delta, k, origin);
  // Of f in the middle of the interval: the half in which it changes its sign decides which pole is the nearer one, and all but the
  // two nearest poles give the first guess.
  const others = left < 0 ? 0 : othersAt(problem, left, width / 2);
  const isRight = !isLast && others + poleAt(problem, j, width / 2) + poleAt(problem, j + 1, width / 2) < 0;
  if (isRight) {
    origin = d[j + 1];
    rows.shift(d, delta, k, origin);
  }
  // Distances of the root from the origin: between 0 and half the interval, on the side of it.
  let low = isRight ? -width / 2 : 0;
  let high = isRight ? 0 : isLast ? width : width / 2;
  let tau = left < 0 ? low + (high - low) / 2 : firstGuess(problem, others, left, low, high);
  for (let step = 0; step < MAX_STEPS; step++) {
    const { value, error, below, above } = evaluate(problem, split, tau);
    if (Math.abs(value) <= error) return finished(problem, origin, tau);
    if (value < 0) low = Math.max(low, tau);
    else high = Math.min(high, tau);
    let next = tau + correction(delta, left, tau, value, below, above, isLast);
    if (!(next > low && next < high)) next = low + (high - low) / 2;
    if (next === tau || high - low <= 2 * EPSILON * Math.abs(tau)) return finished(problem, origin, next);
    tau = next;
  }
  throw new WhittleError({
    code: 'not_converged',
    message: `A root of the secular equation was not found in ${MAX_STEPS} steps.`,
    action: 'Please report this with the model and the calibration text.',
  });
}

function finished({ rows, k }: Problem, origin: number, tau: number): number {
  rows.shift(rows.delta, rows.delta, k, tau);
  return origin + tau;
}

/** f at `origin + tau` without poles `left` and `left + 1`. */
function othersAt({ rows, k, rho }: Problem, left: number, tau: number): number {
  const { found } = rows;
  rows.poleSums(0, left, tau);
  const below = found[0];
  rows.poleSums(left + 2, k, tau);
  return 1 / rho + below + found[0];
}

/** What pole i adds to f at `origin + tau`. */
function poleAt({ rows: { delta, z } }: Problem, i: number, tau: number): number {
  return (z[i] * z[i]) / (delta[i] - tau);
}

/** The root of f with all but the two nearest poles taken as constant: c. */
function firstGuess({ rows }: Problem, c: number, left: number, low: number, high: number): number {
  const { delta, z } = rows;
  const [p, q] = [delta[left], delta[left + 1]];
  const [u, v] = [z[left] * z[left], z[left + 1] * z[left + 1]];
  // c·(p − τ)(q − τ) + u·(q − τ) + v·(p − τ) = 0
  const b = -c * (p + q) - u - v;
  const e = c * p * q + u * q + v * p;
  const root = Math.sqrt(Math.max(0, b * b - 4 * c * e));
  const s = b > 0 ? -(b + root) / 2 : -(b - root) / 2;
  for (const guess of [s / c, e / s]) if (guess > low && guess < high) return guess;
  return low + (high - low) / 2;
}

interface Evaluation {
  /** f, and how far rounding alone can take it from zero. */
  value: number;
  error: number;
  /** Derivatives of the sums over the poles below and above the root. */
  below: number;
  above: number;
}

function evaluate({ rows, k, rho }: Problem, split: number, tau: number): Evaluation {
  const { found } = rows;
  rows.poleSums(0, split, tau);
  const negative = found[0];
  const below = found[1];
  rows.poleSums(split, k, tau);
  const positive = found[0];
  const above = found[1];
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
 * Eigenvectors of diag(d) + ρ·ẑ·ẑᵀ, the problem near the given one whose roots are exactly those found: unit rows, each in the place of
 * its root's differences.
 * @param found How many are made, of the largest roots. @param columns (k): component `columns[at]` of a vector goes to place `at`.
 */
export function secularVectors(
  problem: SecularProblem,
  found: number,
  columns: Float64Array,
  multiply: AddProduct = addProduct,
): void {
  const { k } = problem;
  fitChange(problem, multiply);
  const bounds = rangesOf(found, LEAST_ROOTS).map((bound) => k - found + bound);
  runShared(multiply, 'secular_vectors', vectorsOf, { ...problem, columns }, bounds, DIVISION_WORK * found * k);
}

/** ẑ: ẑᵢ² ~ (λᵢ − dᵢ)·Π_{j≠i} (λⱼ − dᵢ)/(dⱼ − dᵢ), ratios near 1, so that the product neither over- nor underflows. */
function fitChange({ d, z, k, differences, fitted: target }: SecularProblem, multiply: AddProduct): void {
  const rows = rowsFor(k, multiply);
  const { fitted, delta } = rows;
  rows.d.set(d);
  for (let i = 0; i < k; i++) fitted[i] = -differences[i * k + i];
  for (let j = 0; j < k; j++) {
    const own = fitted[j];
    rows.take(delta, differences, j * k, k);
    rows.fit(k, d[j]);
    fitted[j] = own;
  }
  for (let i = 0; i < k; i++) target[i] = Math.sign(z[i]) * Math.sqrt(Math.abs(fitted[i]));
}

/** Of roots `start … end`. */
export function vectorsOf(task: SecularVectors, start: number, end: number, multiply: AddProduct = addProduct): void {
  const { k, differences, fitted, columns } = task;
  const rows = rowsFor(k, multiply);
  const { delta, y } = rows;
  rows.fitted.set(fitted);
  const from = new Int32Array(columns);
  for (let j = start; j < end; j++) {
    const row = differences.subarray(j * k, (j + 1) * k);
    rows.take(delta, differences, j * k, k);
    const scale = 1 / Math.sqrt(rows.quotients(k));
    for (let at = 0; at < k; at++) row[at] = scale * y[from[at]];
  }
}
