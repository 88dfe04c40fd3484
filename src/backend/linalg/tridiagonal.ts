/**
 * @file Householder reduction of a symmetric f64 matrix to tridiagonal form, A = Q·T·Qᵀ, working on rows of the lower
 * triangle so that every inner loop is contiguous (Golub & Van Loan, *Matrix Computations*, §8.3.1, from the last row up).
 */

export interface Tridiagonal {
  diagonal: Float64Array;
  /** off[i] couples i and i + 1; the last one is zero. */
  off: Float64Array;
}

/** Vectors smaller than this against a matrix scaled to 1 are zero: their squares would underflow. */
const NEGLIGIBLE = 1e-140;

/**
 * Reduces `a` (n, n), of which the lower triangle is read and overwritten: row i then holds the reflector of step i in
 * its first i places. `tau[i]` is 2/vᵀv, or 0 where step i needed no reflector.
 */
export async function tridiagonalise(
  a: Float64Array,
  n: number,
  tau: Float64Array,
  breathe: () => Promise<void> | undefined,
): Promise<Tridiagonal> {
  const diagonal = new Float64Array(n);
  const off = new Float64Array(n);
  const v = new Float64Array(n);
  const w = new Float64Array(n);
  for (let i = n - 1; i >= 0; i--) {
    const row = i * n;
    diagonal[i] = a[row + i];
    tau[i] = 0;
    if (i === 0) break;
    off[i - 1] = a[row + i - 1];
    let largest = 0;
    let squares = 0;
    for (let j = 0; j < i; j++) {
      if (j < i - 1) largest = Math.max(largest, Math.abs(a[row + j]));
      squares += a[row + j] * a[row + j];
    }
    if (largest <= NEGLIGIBLE) continue;

    // H = I − tau·v·vᵀ sends x = a[i, :i] to (0 … 0, −sign(x_last)·‖x‖); v is scaled by 1/‖x‖.
    const norm = Math.sqrt(squares);
    const last = a[row + i - 1];
    for (let j = 0; j < i; j++) v[j] = a[row + j] / norm;
    v[i - 1] += last < 0 ? -1 : 1;
    off[i - 1] = last < 0 ? norm : -norm;
    tau[i] = 1 / (1 + Math.abs(last) / norm);
    a.set(v.subarray(0, i), row);

    // w = tau·A·v − (tau/2)·(vᵀ·tau·A·v)·v, then A −= v·wᵀ + w·vᵀ.
    multiplyLower(a, n, i, v, w);
    let projection = 0;
    for (let j = 0; j < i; j++) {
      w[j] *= tau[i];
      projection += v[j] * w[j];
    }
    const half = (tau[i] * projection) / 2;
    for (let j = 0; j < i; j++) w[j] -= half * v[j];
    updateLower(a, n, i, v, w);
    const pause = breathe();
    if (pause) await pause;
  }
  return { diagonal, off };
}

/** product = A·v for the leading `size` rows, A symmetric with its lower triangle stored; four rows at a time. */
function multiplyLower(a: Float64Array, n: number, size: number, v: Float64Array, product: Float64Array): void {
  product.fill(0, 0, size);
  let i = 0;
  for (; i + 4 <= size; i += 4) {
    const r0 = i * n;
    const r1 = r0 + n;
    const r2 = r1 + n;
    const r3 = r2 + n;
    const v0 = v[i];
    const v1 = v[i + 1];
    const v2 = v[i + 2];
    const v3 = v[i + 3];
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let j = 0; j < i; j++) {
      const x = v[j];
      const a0 = a[r0 + j];
      const a1 = a[r1 + j];
      const a2 = a[r2 + j];
      const a3 = a[r3 + j];
      s0 += a0 * x;
      s1 += a1 * x;
      s2 += a2 * x;
      s3 += a3 * x;
      product[j] += a0 * v0 + a1 * v1 + (a2 * v2 + a3 * v3);
    }
    product[i] += s0;
    product[i + 1] += s1;
    product[i + 2] += s2;
    product[i + 3] += s3;
    multiplyLowerRows(a, n, i, i, i + 4, v, product);
  }
  multiplyLowerRows(a, n, 0, i, size, v, product);
}

/** Adds the share of rows `start … end` from columns `first` up to the diagonal. */
function multiplyLowerRows(
  a: Float64Array,
  n: number,
  first: number,
  start: number,
  end: number,
  v: Float64Array,
  product: Float64Array,
): void {
  for (let i = start; i < end; i++) {
    let sum = a[i * n + i] * v[i];
    for (let j = first; j < i; j++) {
      const element = a[i * n + j];
      sum += element * v[j];
      product[j] += element * v[i];
    }
    product[i] += sum;
  }
}

/** A −= v·wᵀ + w·vᵀ on the lower triangle of the leading `size` rows; two rows at a time. */
function updateLower(a: Float64Array, n: number, size: number, v: Float64Array, w: Float64Array): void {
  let i = 0;
  for (; i + 2 <= size; i += 2) {
    const r0 = i * n;
    const r1 = r0 + n;
    const v0 = v[i];
    const v1 = v[i + 1];
    const w0 = w[i];
    const w1 = w[i + 1];
    for (let j = 0; j <= i; j++) {
      const x = v[j];
      const y = w[j];
      a[r0 + j] -= v0 * y + w0 * x;
      a[r1 + j] -= v1 * y + w1 * x;
    }
    a[r1 + i + 1] -= 2 * v1 * w1;
  }
  if (i < size) {
    for (let j = 0; j <= i; j++) a[i * n + j] -= v[i] * w[j] + w[i] * v[j];
  }
}

/** Q (n, n) row-major from the reflectors that {@link tridiagonalise} left in the rows of `a`. */
export async function accumulateReflectors(
  a: Float64Array,
  n: number,
  tau: Float64Array,
  breathe: () => Promise<void> | undefined,
): Promise<Float64Array> {
  const q = new Float64Array(n * n);
  const g = new Float64Array(n);
  for (let i = 0; i < n; i++) q[i * n + i] = 1;
  // Q = H₍ₙ₋₁₎ ··· H₁; H_i acts on the first i coordinates, so the product grows with i.
  for (let i = 1; i < n; i++) {
    if (tau[i] === 0) continue;
    const v = a.subarray(i * n, i * n + i);
    reflect(q, n, i, v, tau[i], g);
    const pause = breathe();
    if (pause) await pause;
  }
  return q;
}

/** (I − tau·v·vᵀ)·Q on the leading `size` rows and columns; `g` is scratch. */
function reflect(q: Float64Array, n: number, size: number, v: Float64Array, tau: number, g: Float64Array): void {
  g.fill(0, 0, size);
  let k = 0;
  for (; k + 4 <= size; k += 4) {
    const r0 = k * n;
    const r1 = r0 + n;
    const r2 = r1 + n;
    const r3 = r2 + n;
    const v0 = v[k];
    const v1 = v[k + 1];
    const v2 = v[k + 2];
    const v3 = v[k + 3];
    for (let j = 0; j < size; j++) g[j] += v0 * q[r0 + j] + v1 * q[r1 + j] + (v2 * q[r2 + j] + v3 * q[r3 + j]);
  }
  for (; k < size; k++) for (let j = 0; j < size; j++) g[j] += v[k] * q[k * n + j];
  for (k = 0; k + 2 <= size; k += 2) {
    const r0 = k * n;
    const r1 = r0 + n;
    const t0 = tau * v[k];
    const t1 = tau * v[k + 1];
    for (let j = 0; j < size; j++) {
      const x = g[j];
      q[r0 + j] -= t0 * x;
      q[r1 + j] -= t1 * x;
    }
  }
  for (; k < size; k++) for (let j = 0; j < size; j++) q[k * n + j] -= tau * v[k] * g[j];
}
