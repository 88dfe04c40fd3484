/** The polar factor against what it must be: orthonormal, a known basis found again, no other frame nearer. */
import { expect, it } from 'vitest';
import { normalNumbers } from '../../backend/matrix_builders.ts';
import { orthogonalFrame } from './orthogonal_frame.ts';

const [ROWS, D, d] = [200, 12, 7];

function product(A: ArrayLike<number>, B: ArrayLike<number>, m: number, k: number, n: number): Float64Array {
  const C = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let l = 0; l < k; l++) for (let j = 0; j < n; j++) C[i * n + j] += A[i * k + l] * B[l * n + j];
  return C;
}

const turned = (A: ArrayLike<number>, rows: number, columns: number) =>
  Float64Array.from({ length: rows * columns }, (_, i) => A[(i % rows) * columns + Math.floor(i / rows)]);

const random = (seed: number, count: number) => {
  const next = normalNumbers(seed);
  return Float64Array.from({ length: count }, next);
};

/** Columns made orthonormal one after another. */
function frameOf(A: Float64Array): Float64Array {
  const Q = A.slice();
  for (let j = 0; j < d; j++) {
    for (let before = 0; before <= j; before++) {
      let dot = 0;
      for (let i = 0; i < D; i++) dot += Q[i * d + j] * Q[i * d + before];
      for (let i = 0; i < D; i++)
        Q[i * d + j] = before === j ? Q[i * d + j] / Math.sqrt(dot) : Q[i * d + j] - dot * Q[i * d + before];
    }
  }
  return Q;
}

/** ‖Z·Pᵀ − H‖². */
function apart(Z: Float64Array, P: Float64Array, H: Float64Array): number {
  return product(Z, turned(P, D, d), ROWS, d, D).reduce((sum, value, i) => sum + (value - H[i]) ** 2, 0);
}

it('is orthonormal, and no other frame brings the streams nearer', async () => {
  const [H, Z] = [random(1, ROWS * D), random(2, ROWS * d)];
  const P = await orthogonalFrame(product(turned(H, ROWS, D), Z, D, ROWS, d), D, d);
  const squares = product(turned(P, D, d), P, d, D, d);
  for (let i = 0; i < d * d; i++) expect(squares[i]).toBeCloseTo(i % (d + 1) === 0 ? 1 : 0, 12);
  const least = apart(Z, P, H);
  for (let seed = 3; seed < 13; seed++) {
    const near = frameOf(random(seed, D * d).map((value, i) => P[i] + 0.01 * value));
    expect(apart(Z, near, H)).toBeGreaterThan(least);
  }
});

it('finds the basis of a stream that is one of the other’s, whatever its directions weigh', async () => {
  const scales = Array.from({ length: d }, (_, j) => 2 ** -j);
  const Z = random(4, ROWS * d).map((value, i) => value * scales[i % d]);
  const Q = frameOf(random(5, D * d));
  const H = product(Z, turned(Q, D, d), ROWS, d, D);
  const P = await orthogonalFrame(product(turned(H, ROWS, D), Z, D, ROWS, d), D, d);
  for (let i = 0; i < D * d; i++) expect(P[i]).toBeCloseTo(Q[i], 8);
});
