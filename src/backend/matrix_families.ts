/**
 * @file Symmetric test matrices that break weak eigensolvers, and the ratios by which LAPACK judges a decomposition. Pure
 * f64; used by the solver's tests and by the benchmark, so both measure the same thing.
 *
 * Every entry is rounded to f32: a matrix is exactly what an f32 solver is given. The families are those of LAPACK's tester
 * (`lapack_families.ts`), matrices known to be hard, and those met in PCA of a language model's activations. Covariances of
 * a real model are captured in `test/captured_covariances.test.ts`.
 */
import { LAPACK_FAMILIES } from './lapack_families.ts';
import { addProduct, transposed, view } from './linalg/gemm.ts';
import { type MatrixFamily, normalNumbers, symmetric, withEigenvalues } from './matrix_builders.ts';

export { type MatrixFamily, randomNumbers } from './matrix_builders.ts';

/** Ratios in units of n·ulp (ulp = 2⁻²³, f32), 1-norms, as LAPACK's `ssyt21` forms them. */
export interface EigenRatios {
  /** ‖A − ZDZᵀ‖ / (‖A‖·n·ulp). */
  residual_ulp: number;
  /** ‖I − ZᵀZ‖ / (n·ulp). */
  orthogonality_ulp: number;
}

const ULP = 2 ** -23;

/** W_n⁺: diagonal |i − (n−1)/2|, off-diagonal 1; its large eigenvalues come in pairs that agree to many digits. */
function wilkinson(n: number): (row: number, column: number) => number {
  return (row, column) => (row === column ? Math.abs(row - (n - 1) / 2) : column - row === 1 ? 1 : 0);
}

/** Copies of W21⁺ joined by √ulp: clusters of nearly equal eigenvalues. */
function gluedWilkinson(row: number, column: number): number {
  if (Math.floor(row / 21) === Math.floor(column / 21)) return wilkinson(21)(row % 21, column % 21);
  return column - row === 1 ? Math.sqrt(ULP) : 0;
}

/** Samples that are summed together: the packed product, because plain loops take minutes for n = 2048. */
const SAMPLES = 256;

/** XᵀX of 2n normal samples with a decaying scale per channel. */
function activations(n: number, seed: number, channel: (index: number, sample: Float64Array) => number): Float64Array {
  const normal = normalNumbers(seed);
  const gram = new Float64Array(n * n);
  const sample = new Float64Array(n);
  for (let first = 0; first < 2 * n; first += SAMPLES) {
    const samples = Math.min(SAMPLES, 2 * n - first);
    const X = view(new Float64Array(samples * n), n);
    for (let row = 0; row < samples; row++) {
      const common = normal();
      for (let i = 0; i < n; i++) sample[i] = (normal() + 0.5 * common) / Math.sqrt(1 + i);
      for (let i = 0; i < n; i++) X.values[row * n + i] = sample[i] = channel(i, sample);
    }
    addProduct(n, n, samples, transposed(X), X, view(gram, n), true);
  }
  return symmetric(n, (row, column) => gram[row * n + column]);
}

/** Channel 1 is ×1000, channel 2 dead, channel 3 a duplicate of channel 0: what PCA of a residual stream meets. */
function outlierChannel(index: number, sample: Float64Array): number {
  if (index === 1) return 1000 * sample[1];
  if (index === 2) return 0;
  return index === 3 ? sample[0] : sample[index];
}

function rank(share: (n: number) => number): (n: number) => Float64Array {
  return (n) => withEigenvalues(n, 31, (i) => (i < Math.max(1, share(n)) ? 1 + i / n : 0));
}

export const MATRIX_FAMILIES: readonly MatrixFamily[] = [
  ...LAPACK_FAMILIES,
  { name: 'identity times 3', positive: true, build: (n) => symmetric(n, (i, j) => (i === j ? 3 : 0)) },
  { name: 'diagonal', positive: true, build: (n) => symmetric(n, (i, j) => (i === j ? ((i * 7) % n) + 0.1 : 0)) },
  { name: 'repeated', positive: true, build: (n) => withEigenvalues(n, 5, (i) => 1 + (i % 3)) },
  { name: 'near identity', positive: true, build: (n) => withEigenvalues(n, 11, (i) => 1 + (8 * ULP * i) / n) },
  { name: 'Wilkinson', positive: false, build: (n) => symmetric(n, wilkinson(n)) },
  { name: 'glued Wilkinson', positive: false, build: (n) => symmetric(n, gluedWilkinson) },
  { name: 'Hilbert', positive: true, build: (n) => symmetric(n, (i, j) => 1 / (i + j + 1)) },
  {
    name: 'graded 1 to 1e-12',
    positive: true,
    build: (n) => withEigenvalues(n, 17, (i) => 10 ** ((-12 * i) / Math.max(1, n - 1))),
  },
  { name: 'rank 1', positive: true, build: rank(() => 1) },
  { name: 'rank n/4', positive: true, build: rank((n) => Math.floor(n / 4)) },
  { name: 'rank n-1', positive: true, build: rank((n) => n - 1) },
  { name: 'giant spike', positive: true, build: (n) => withEigenvalues(n, 19, (i) => (i === 0 ? 1e6 : 1 + i / n)) },
  { name: 'covariance', positive: true, build: (n) => activations(n, 23, (i, sample) => sample[i]) },
  { name: 'covariance with outlier', positive: true, build: (n) => activations(n, 29, outlierChannel) },
];

/** Seeded activations (rows, n), f32, of the kinds that residual streams have; PCA must keep what f64 keeps of each. */
export interface ActivationFamily {
  readonly name: string;
  build(n: number, rows: number): Float32Array;
}

/** A common part, and channels of slowly falling size. */
function residualStream(n: number, rows: number): Float32Array {
  const normal = normalNumbers(37);
  const x = new Float32Array(rows * n);
  for (let row = 0; row < rows; row++) {
    const common = normal();
    for (let i = 0; i < n; i++) x[row * n + i] = (normal() + 0.5 * common) / Math.sqrt(1 + 0.1 * i);
  }
  return x;
}

/** Channel 1 times a factor. */
function withOutlier(factor: number): ActivationFamily['build'] {
  return (n, rows) => residualStream(n, rows).map((value, at) => (at % n === 1 ? factor * value : value));
}

/** Every 32nd token (the first of a text, a newline) gets something large. */
function withMassiveTokens(change: (token: Float32Array, normal: () => number) => void): ActivationFamily['build'] {
  return (n, rows) => {
    const x = residualStream(n, rows);
    for (let row = 0; row < rows; row += 32) change(x.subarray(row * n, (row + 1) * n), normalNumbers(41));
    return x;
  };
}

export const ACTIVATIONS: readonly ActivationFamily[] = [
  { name: 'plain', build: residualStream },
  { name: 'outlier channel × 30', build: withOutlier(30) },
  { name: 'outlier channel × 300', build: withOutlier(300) },
  { name: 'outlier channel × 1000', build: withOutlier(1000) },
  {
    name: 'massive tokens in two channels',
    build: withMassiveTokens((token) => {
      token[5] = 1e4;
      token[7] = -3e3;
    }),
  },
  {
    name: 'massive tokens in all channels',
    build: withMassiveTokens((token, normal) => {
      for (let i = 0; i < token.length; i++) token[i] += 1e3 * normal();
    }),
  },
  {
    name: 'outlier direction × 1000',
    build: (n, rows) => {
      const x = residualStream(n, rows);
      const normal = normalNumbers(43);
      const direction = Array.from({ length: n }, normal);
      for (let row = 0; row < rows; row++) {
        const size = (1000 * normal()) / Math.sqrt(n);
        for (let i = 0; i < n; i++) x[row * n + i] += size * direction[i];
      }
      return x;
    },
  },
  {
    name: 'outlier × 1000, dead and duplicate channels',
    build: (n, rows) => {
      const x = withOutlier(1000)(n, rows);
      for (let row = 0; row < rows; row++) {
        x[row * n + 2] = 0;
        x[row * n + 3] = x[row * n];
      }
      return x;
    },
  },
  { name: 'one token again and again', build: (n, rows) => residualStream(n, rows).map((_, at, x) => x[at % n]) },
  { name: 'fewer tokens than channels', build: (n, rows) => residualStream(n, rows).fill(0, Math.floor(n / 4) * n) },
  { name: 'all zero', build: (n, rows) => new Float32Array(rows * n) },
  // Squares near the smallest and the largest normal f32.
  { name: 'tiny', build: (n, rows) => residualStream(n, rows).map((value) => value * 2 ** -48) },
  { name: 'huge', build: (n, rows) => residualStream(n, rows).map((value) => value * 2 ** 54) },
];

function oneNorm(matrix: Float64Array, n: number): number {
  const sums = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sums[j] += Math.abs(matrix[i * n + j]);
  return Math.max(...sums);
}

/**
 * How good a decomposition is, in f64.
 * @param matrix (n, n) symmetric.
 * @param eigenvalues (n).
 * @param eigenvectors (n, n), column j belonging to eigenvalue j.
 */
export function eigenRatios(
  matrix: ArrayLike<number>,
  eigenvalues: ArrayLike<number>,
  eigenvectors: ArrayLike<number>,
): EigenRatios {
  const n = eigenvalues.length;
  const z = Float64Array.from(eigenvectors);
  const columns = new Float64Array(n * n);
  const scaled = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      columns[j * n + i] = z[i * n + j];
      scaled[i * n + j] = z[i * n + j] * eigenvalues[j];
    }
  }
  const residual = new Float64Array(n * n);
  const defect = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let rebuilt = 0;
      let dot = 0;
      for (let k = 0; k < n; k++) {
        rebuilt += scaled[i * n + k] * z[j * n + k];
        dot += columns[i * n + k] * columns[j * n + k];
      }
      residual[i * n + j] = residual[j * n + i] = matrix[i * n + j] - rebuilt;
      defect[i * n + j] = defect[j * n + i] = dot - (i === j ? 1 : 0);
    }
  }
  const norm = oneNorm(Float64Array.from(matrix), n);
  const error = oneNorm(residual, n);
  return {
    residual_ulp: error === 0 ? 0 : error / (norm * n * ULP),
    orthogonality_ulp: oneNorm(defect, n) / (n * ULP),
  };
}

/**
 * Energy that each leading subspace keeps: element k is Σ_{j<k} vⱼᵀAvⱼ over the first k columns, in f64. The fair
 * comparison of two decompositions, as single eigenvectors of a cluster are arbitrary.
 */
export function keptEnergy(matrix: ArrayLike<number>, eigenvectors: ArrayLike<number>, n: number): Float64Array {
  const quotients = new Float64Array(n);
  const row = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    row.fill(0);
    for (let k = 0; k < n; k++) {
      const a = matrix[i * n + k];
      for (let j = 0; j < n; j++) row[j] += a * eigenvectors[k * n + j];
    }
    for (let j = 0; j < n; j++) quotients[j] += eigenvectors[i * n + j] * row[j];
  }
  const kept = new Float64Array(n + 1);
  for (let j = 0; j < n; j++) kept[j + 1] = kept[j] + quotients[j];
  return kept;
}
