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
