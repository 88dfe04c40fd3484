/**
 * @file How good an eigendecomposition H = Q·Λ·Qᵀ is, measured in f64 on the numbers that will be used (DESIGN.md,
 * invariant 5).
 *
 * Up to 128 rows every entry is measured. Beyond, sixteen seeded random ±1 vectors x estimate both figures in n² work
 * (Freivalds 1977; Hutchinson 1989): E[(E·x)ᵢ²] is the squared norm of row i of E, so that the orthogonality figure
 * bounds the largest entry from above in expectation, and E‖R·x‖² = ‖R‖_F².
 *
 * What probes can miss. Let r be one column of an error matrix (one eigenvector's residual, or an entry of a row). E·x is
 * ±r plus a sum of the other columns with signs of their own, so of the two signs of r at least one gives a vector no
 * shorter than r: each probe shows r at full length with probability ≥ ½, whatever the rest of the matrix is. A figure is
 * the root mean square of sixteen probes, so an error that is more than four times the figure was seen by none of them:
 * probability ≤ 2⁻¹⁶. More than twice the figure means that fewer than a quarter of them saw it: ≤ 1.1 %.
 */
import { type AddProduct, addProduct, transposed, view } from './gemm.ts';
import { kernelOf } from './turn.ts';

export interface MeasuredCertificate {
  /** max |QᵀQ − I|. */
  orthogonality_error: number;
  /** ‖HQ − QΛ‖_F / ‖H‖_F; 0 for the zero matrix with zero eigenvalues. */
  residual: number;
  /** Both figures in units of n·ulp. */
  orthogonality_ulp: number;
  residual_ulp: number;
  /** Unit in the last place of 1 in the type that Q is stored in: 2⁻²³ for f32, 2⁻⁵² for f64. */
  ulp: number;
  measured: 'exact' | 'probes';
}

export const EXACT_UP_TO = 128;
export const PROBES = 16;

/**
 * @param covariance (n, n) row-major, upper triangle.
 * @param eigenvectors (n, count) row-major, one in each column, of the first eigenvalues.
 * @param exact_up_to Rows up to which every entry is measured.
 */
export function certify(
  covariance: ArrayLike<number>,
  eigenvalues: ArrayLike<number>,
  eigenvectors: ArrayLike<number>,
  n: number,
  exact_up_to = EXACT_UP_TO,
): MeasuredCertificate {
  return certifyWhole(symmetrised(covariance, n), eigenvalues, eigenvectors, n, { exact_up_to });
}

export interface CertifyOptions {
  /** Rows up to which every entry is measured. */
  exact_up_to?: number;
  /** Computes the products. */
  multiply?: AddProduct;
  /** Where the eigenvectors were stored in another type than that of the array. */
  ulp?: number;
}

/** The same where both triangles of the covariance are there. */
export function certifyWhole(
  H: Float64Array,
  eigenvalues: ArrayLike<number>,
  eigenvectors: ArrayLike<number>,
  n: number,
  { exact_up_to = EXACT_UP_TO, multiply = addProduct, ulp = ulpOf(eigenvectors) }: CertifyOptions = {},
): MeasuredCertificate {
  const Q = asFloat64(eigenvectors);
  const isExact = n <= exact_up_to;
  const measure = isExact ? measureExactly : measureByProbes;
  return certificateOf(measure(H, eigenvalues, Q, n, multiply), frobenius(H), n, ulp, isExact ? 'exact' : 'probes');
}

/** @param norm ‖H‖_F. */
export function certificateOf(
  { orthogonality_error, residual_norm }: Measured,
  norm: number,
  n: number,
  ulp: number,
  measured: MeasuredCertificate['measured'],
): MeasuredCertificate {
  const residual = relative(residual_norm, norm);
  return {
    orthogonality_error,
    residual,
    orthogonality_ulp: orthogonality_error / (n * ulp),
    residual_ulp: residual / (n * ulp),
    ulp,
    measured,
  };
}

/** Unit in the last place of 1 in the type of an array. */
export function ulpOf(values: ArrayLike<number>): number {
  return values instanceof Float64Array ? 2 ** -52 : 2 ** -23;
}

export interface Measured {
  orthogonality_error: number;
  residual_norm: number;
}

function measureExactly(
  H: Float64Array,
  eigenvalues: ArrayLike<number>,
  Q: Float64Array,
  n: number,
  multiply: AddProduct,
): Measured {
  const count = Q.length / n;
  const gram = new Float64Array(count * count);
  multiply(count, count, n, transposed(view(Q, count)), view(Q, count), view(gram, count), true);
  let orthogonality_error = 0;
  for (let i = 0; i < count; i++) {
    for (let j = i; j < count; j++) {
      orthogonality_error = worse(orthogonality_error, gram[i * count + j] - (i === j ? 1 : 0));
    }
  }
  const product = new Float64Array(n * count);
  multiply(n, count, n, view(H, n), view(Q, count), view(product, count));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < count; j++) product[i * count + j] -= Q[i * count + j] * eigenvalues[j];
  }
  return { orthogonality_error, residual_norm: frobenius(product) };
}

/** The probes are the columns of X (count, 16): thin products replace square ones. */
export function measureByProbes(
  H: Float64Array,
  eigenvalues: ArrayLike<number>,
  Q: Float64Array,
  n: number,
  multiply: AddProduct = addProduct,
): Measured {
  const count = Q.length / n;
  const X = signs(count * PROBES);
  // X and −ΛX side by side, so that Q is gone through once for both.
  const both = new Float64Array(count * 2 * PROBES);
  const E = new Float64Array(count * PROBES);
  for (let i = 0; i < count; i++) {
    for (let p = 0; p < PROBES; p++) {
      const x = X[i * PROBES + p];
      both[2 * i * PROBES + p] = x;
      both[(2 * i + 1) * PROBES + p] = -eigenvalues[i] * x;
      E[i * PROBES + p] = -x;
    }
  }
  const product = new Float64Array(n * 2 * PROBES);
  multiply(n, 2 * PROBES, count, view(Q, count), view(both, 2 * PROBES), view(product, 2 * PROBES));
  const QX = view(product, 2 * PROBES);

  // (QᵀQ − I)·X
  multiply(count, PROBES, n, transposed(view(Q, count)), QX, view(E, PROBES));
  let orthogonality_error = 0;
  for (let i = 0; i < count; i++) {
    let squares = 0;
    for (let p = 0; p < PROBES; p++) squares += E[i * PROBES + p] ** 2;
    orthogonality_error = worse(orthogonality_error, Math.sqrt(squares / PROBES));
  }

  // (HQ − QΛ)·X = H·(QX) − Q·(ΛX)
  const R = new Float64Array(n * PROBES);
  for (let i = 0; i < n; i++) {
    R.set(product.subarray((2 * i + 1) * PROBES, 2 * (i + 1) * PROBES), i * PROBES);
  }
  multiply(n, PROBES, n, view(H, n), QX, view(R, PROBES));
  return { orthogonality_error, residual_norm: frobenius(R) / Math.sqrt(PROBES) };
}

/** The larger magnitude; NaN stays NaN, so that a broken Q can never look orthogonal. */
function worse(worst: number, entry: number): number {
  return Math.max(worst, Math.abs(entry));
}

function relative(residual_norm: number, norm: number): number {
  return residual_norm === 0 ? 0 : residual_norm / norm;
}

/** Below this a sum of squares may lack what underflowed. */
const LEAST_SQUARES = 1e-280;

/**
 * Where a square overflows or underflows, entries are scaled by a power of two near the largest one.
 * @param scratch `KERNEL_SCRATCH` numbers, for who reaches both by kernels.
 */
export function frobenius(values: Float64Array, multiply?: AddProduct, scratch?: Float64Array): number {
  const plain = squaresByKernel(values, multiply, scratch) ?? sumOfSquares(values);
  if (plain > LEAST_SQUARES && plain < Number.POSITIVE_INFINITY) return Math.sqrt(plain);
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  if (!(largest > 0) || largest === Number.POSITIVE_INFINITY) return largest;
  // Clamped so that the scale and its inverse are both normal numbers.
  const exponent = Math.min(1000, Math.max(-1000, Math.floor(Math.log2(largest))));
  const inverse = 2 ** -exponent;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] * inverse) ** 2;
  return 2 ** exponent * Math.sqrt(squares);
}

function squaresByKernel(values: Float64Array, multiply?: AddProduct, scratch?: Float64Array): number | undefined {
  const kernel = kernelOf(multiply, values, scratch);
  if (!kernel || !scratch || values.length < 4 || values.length % 2 === 1) return undefined;
  const [x, result] = [values.byteOffset, scratch.byteOffset];
  kernel.dot_pair(x, x, x, values.byteLength, result);
  return scratch[0];
}

/** In four sums, which do not wait for one another. */
function sumOfSquares(values: Float64Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    a += values[i] * values[i];
    b += values[i + 1] * values[i + 1];
    c += values[i + 2] * values[i + 2];
    d += values[i + 3] * values[i + 3];
  }
  for (let i = whole; i < values.length; i++) a += values[i] * values[i];
  return a + b + (c + d);
}

function symmetrised(upper: ArrayLike<number>, n: number): Float64Array {
  const H = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      H[i * n + j] = upper[i * n + j];
      H[j * n + i] = upper[i * n + j];
    }
  }
  return H;
}

export function asFloat64(values: ArrayLike<number>): Float64Array {
  return values instanceof Float64Array ? values : new Float64Array(values);
}

/** Seeded ±1 values: the same figures every time (xorshift, Marsaglia 2003). */
export function signs(count: number): Float64Array {
  const values = new Float64Array(count);
  let state = 0x9e3779b9;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = state & 0x8000 ? 1 : -1;
  }
  return values;
}
