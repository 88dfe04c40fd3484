/**
 * @file Eigenvalues and vectors of a symmetric tridiagonal matrix by the implicit QL iteration with Wilkinson's shift
 * (Golub & Van Loan, §8.3; Wilkinson & Reinsch, *Linear Algebra*, II/3). The plane rotations of many sweeps are kept and
 * then applied to four rows of Z at a time, which stay in the fastest cache meanwhile.
 */
import { WhittleError } from '../../errors/errors.ts';
import { pulse } from '../../pulse/pulse.ts';
import type { Tridiagonal } from './tridiagonal.ts';

const EPSILON = Number.EPSILON / 2;
/** Sweeps allowed for each eigenvalue, on average; 1.7 is usual. */
const SWEEPS_PER_VALUE = 30;

/** Rotations in the order they were made; sweep s turns columns (i, i + 1) for i from `top[s] − 1` down. */
class RotationLog {
  readonly cosines: Float64Array;
  readonly sines: Float64Array;
  used = 0;
  readonly tops: number[] = [];
  readonly lengths: number[] = [];

  constructor(n: number) {
    const capacity = Math.max(Math.min(16384, 64 * n), 2 * n);
    this.cosines = new Float64Array(capacity);
    this.sines = new Float64Array(capacity);
  }

  hasRoom(rotations: number): boolean {
    return this.used + rotations <= this.cosines.length;
  }

  add(c: number, s: number): void {
    this.cosines[this.used] = c;
    this.sines[this.used] = s;
    this.used++;
  }

  endSweep(top: number, length: number): void {
    this.tops.push(top);
    this.lengths.push(length);
  }

  /** Applies everything to the columns of z (n, n) and forgets it. */
  applyTo(z: Float64Array | undefined, n: number): void {
    const full = n - (n % 4);
    for (let row = 0; z && row < full; row += 4) {
      for (let sweep = 0, from = 0; sweep < this.tops.length; sweep++) {
        turnFourRows(z, n, row, this.tops[sweep], this.lengths[sweep], from, this.cosines, this.sines);
        from += this.lengths[sweep];
      }
    }
    for (let row = full; z && row < n; row++) {
      for (let sweep = 0, from = 0; sweep < this.tops.length; sweep++) {
        turnRow(z, row * n + this.tops[sweep], this.lengths[sweep], from, this.cosines, this.sines);
        from += this.lengths[sweep];
      }
    }
    this.used = 0;
    this.tops.length = 0;
    this.lengths.length = 0;
  }
}

function turnRow(
  z: Float64Array,
  at: number,
  length: number,
  from: number,
  cosines: Float64Array,
  sines: Float64Array,
): void {
  let carried = z[at];
  for (let k = from; k < from + length; k++, at--) {
    const c = cosines[k];
    const s = sines[k];
    const x = z[at - 1];
    z[at] = s * x + c * carried;
    carried = c * x - s * carried;
  }
  z[at] = carried;
}

function turnFourRows(
  z: Float64Array,
  n: number,
  row: number,
  top: number,
  length: number,
  from: number,
  cosines: Float64Array,
  sines: Float64Array,
): void {
  let i0 = row * n + top;
  let i1 = i0 + n;
  let i2 = i1 + n;
  let i3 = i2 + n;
  let y0 = z[i0];
  let y1 = z[i1];
  let y2 = z[i2];
  let y3 = z[i3];
  const end = from + length;
  for (let k = from; k < end; k++) {
    const c = cosines[k];
    const s = sines[k];
    const x0 = z[i0 - 1];
    const x1 = z[i1 - 1];
    const x2 = z[i2 - 1];
    const x3 = z[i3 - 1];
    z[i0] = s * x0 + c * y0;
    z[i1] = s * x1 + c * y1;
    z[i2] = s * x2 + c * y2;
    z[i3] = s * x3 + c * y3;
    y0 = c * x0 - s * y0;
    y1 = c * x1 - s * y1;
    y2 = c * x2 - s * y2;
    y3 = c * x3 - s * y3;
    i0--;
    i1--;
    i2--;
    i3--;
  }
  z[i0] = y0;
  z[i1] = y1;
  z[i2] = y2;
  z[i3] = y3;
}

/** √(x² + y²) without the cost of `Math.hypot` where squares cannot underflow; entries are at most about 1. */
function length(x: number, y: number): number {
  const squares = x * x + y * y;
  return squares > 1e-280 ? Math.sqrt(squares) : Math.hypot(x, y);
}

/**
 * Diagonalises T = `matrix`, whose entries are at most about 1; its diagonal becomes the eigenvalues, in no order, and
 * z (n, n), where given, becomes z·(eigenvectors of T). Returns the sweeps made.
 * @throws `not_converged`
 */
export function diagonaliseTridiagonal(matrix: Tridiagonal, z: Float64Array | undefined, n: number): number {
  const { diagonal, off } = matrix;
  const log = new RotationLog(n);
  const most_sweeps = SWEEPS_PER_VALUE * n;
  let norm = 0;
  for (let i = 0; i < n; i++) norm = Math.max(norm, Math.abs(diagonal[i]), Math.abs(off[i]));
  // Below this an off-diagonal entry says nothing even beside zero diagonals, and would never get smaller.
  const floor = EPSILON * EPSILON * norm;
  let sweeps = 0;
  for (let low = 0; low < n; low++) {
    for (;;) {
      let high = low;
      while (
        high < n - 1 &&
        Math.abs(off[high]) > EPSILON * (Math.abs(diagonal[high]) + Math.abs(diagonal[high + 1])) + floor
      ) {
        high++;
      }
      if (high === low) break;
      if (sweeps++ >= most_sweeps) throw notConverged(n, low, Math.abs(off[low]), most_sweeps);
      if (!log.hasRoom(high - low)) {
        log.applyTo(z, n);
        pulse();
      }
      sweep(diagonal, off, low, high, log);
    }
    off[low] = 0;
  }
  log.applyTo(z, n);
  return sweeps;
}

/** One implicit QL sweep over the unreduced block `low … high`. */
function sweep(diagonal: Float64Array, off: Float64Array, low: number, high: number, log: RotationLog): void {
  // Wilkinson's shift: the eigenvalue of the leading 2×2 block that is nearer to diagonal[low].
  const slope = (diagonal[low + 1] - diagonal[low]) / (2 * off[low]);
  const root = Math.sqrt(slope * slope + 1);
  let bulge = diagonal[high] - diagonal[low] + off[low] / (slope + (slope < 0 ? -root : root));
  let c = 1;
  let s = 1;
  let shift = 0;
  for (let i = high - 1; i >= low; i--) {
    const chased = s * off[i];
    const kept = c * off[i];
    const r = length(chased, bulge);
    off[i + 1] = r;
    c = r === 0 ? 1 : bulge / r;
    s = r === 0 ? 0 : chased / r;
    const moved = diagonal[i + 1] - shift;
    const cross = (diagonal[i] - moved) * s + 2 * c * kept;
    shift = s * cross;
    diagonal[i + 1] = moved + shift;
    bulge = c * cross - kept;
    log.add(c, s);
  }
  diagonal[low] -= shift;
  off[low] = bulge;
  off[high] = 0;
  log.endSweep(high, high - low);
}

function notConverged(n: number, index: number, remaining: number, sweeps: number): WhittleError {
  return new WhittleError({
    code: 'not_converged',
    message: `The eigendecomposition of a ${n} × ${n} matrix stopped at eigenvalue ${index + 1} after ${sweeps} sweeps, with an off-diagonal entry of ${remaining.toExponential(2)} against a matrix scaled to 1.`,
    allowed: `an off-diagonal entry below ${EPSILON.toExponential(2)} of its neighbours`,
    action: 'Calibrate with more or other text; if it happens again, report the model and the text.',
  });
}
