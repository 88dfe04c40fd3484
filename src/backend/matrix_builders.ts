/** @file Seeded numbers and symmetric matrices of given eigenvalues, each entry an f32 value. For tests and the benchmark. */

export interface MatrixFamily {
  readonly name: string;
  /** True where no eigenvalue is negative beyond rounding: a covariance. */
  readonly positive: boolean;
  /** Row-major (n, n), symmetric, each entry an f32 value. */
  build(n: number): Float64Array;
}

/** Deterministic uniform numbers in [0, 1) (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function normalNumbers(seed: number): () => number {
  const uniform = randomNumbers(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

export function symmetric(n: number, entry: (row: number, column: number) => number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = row; column < n; column++) {
      const value = Math.fround(entry(row, column));
      matrix[row * n + column] = value;
      matrix[column * n + row] = value;
    }
  }
  return matrix;
}

/** Q·diag(λ)·Qᵀ with Q a product of eight random Householder reflections: dense, and O(n²) to build. */
export function withEigenvalues(n: number, seed: number, eigenvalue: (index: number) => number): Float64Array {
  const normal = normalNumbers(seed);
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = eigenvalue(i);
  for (let reflection = 0; reflection < 8; reflection++) {
    const v = Float64Array.from({ length: n }, normal);
    const scale = Math.sqrt(2) / Math.hypot(...v);
    for (let i = 0; i < n; i++) v[i] *= scale;
    // H·A·H = A − v·wᵀ − w·vᵀ with w = A·v − ½(vᵀAv)·v
    const w = new Float64Array(n);
    let quadratic = 0;
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += matrix[i * n + j] * v[j];
      w[i] = sum;
      quadratic += sum * v[i];
    }
    for (let i = 0; i < n; i++) w[i] -= 0.5 * quadratic * v[i];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) matrix[i * n + j] -= v[i] * w[j] + w[i] * v[j];
    }
  }
  return symmetric(n, (row, column) => matrix[row * n + column]);
}
