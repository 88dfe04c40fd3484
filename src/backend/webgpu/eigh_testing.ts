/** @file What the tests of both eigensolvers hold every decomposition to. Only tests import this. */
import { expect } from 'vitest';
import type { Eigendecomposition, EighArgs } from '../backend.ts';
import { symmetricEigen } from '../linalg/symmetric_eigen.ts';
import { eigenRatios, keptEnergy, MATRIX_FAMILIES, type MatrixFamily } from '../matrix_families.ts';
import type { WebGpuBackend } from './webgpu_backend.ts';

const ULP = 2 ** -23;

export type Decomposed = Eigendecomposition & { columns: ArrayLike<number> };
export type Solve = (args: EighArgs) => Promise<Eigendecomposition>;

export function family(name: string): MatrixFamily {
  const found = MATRIX_FAMILIES.find((each) => each.name === name);
  if (!found) throw new RangeError(`There is no matrix family "${name}".`);
  return found;
}

/** Uploads, solves and reads back; nothing stays allocated. */
export async function decompose(
  backend: WebGpuBackend,
  solve: Solve,
  values: ArrayLike<number>,
  n: number,
  signal?: AbortSignal,
): Promise<Decomposed> {
  const covariance = backend.fromArray(values, [n, n], 'covariance');
  try {
    const found = await solve({ covariance, signal });
    const columns = await backend.read(found.eigenvectors);
    found.eigenvectors.dispose();
    return { ...found, columns };
  } finally {
    covariance.dispose();
  }
}

function signsArePositive(columns: ArrayLike<number>, n: number): boolean {
  for (let j = 0; j < n; j++) {
    let largest = 0;
    for (let i = 0; i < n; i++) {
      const value = columns[i * n + j];
      if (Math.abs(value) > Math.abs(largest)) largest = value;
    }
    if (!(largest > 0)) return false;
  }
  return true;
}

/** Residual, orthogonality, trace, order, signs, eigenvalues and kept energies beside f64's. */
export async function checkFamily(
  backend: WebGpuBackend,
  solve: Solve,
  { build, positive }: MatrixFamily,
  n: number,
): Promise<void> {
  const matrix = build(n);
  const { eigenvalues, columns } = await decompose(backend, solve, matrix, n);
  const ratios = eigenRatios(matrix, eigenvalues, columns);
  const largest = Math.max(...eigenvalues.map(Math.abs));
  const trace = eigenvalues.reduce((sum, value, i) => sum + value - matrix[i * n + i], 0);
  const where = `n = ${n}`;
  // LAPACK accepts 60 and has seen 1.4 in f32; a multiple of n·ulp means that the residual is rounding alone.
  expect(ratios.residual_ulp, where).toBeLessThanOrEqual(10);
  // Measured: 1.7 at n = 5, below 0.3 at n = 256.
  expect(ratios.orthogonality_ulp, where).toBeLessThanOrEqual(2);
  expect(Math.abs(trace), where).toBeLessThanOrEqual(10 * n * ULP * largest);
  expect([...eigenvalues], where).toEqual([...eigenvalues].sort((a, b) => b - a));
  expect(signsArePositive(columns, n), where).toBe(true);

  const exact = await symmetricEigen(matrix, n);
  const bestEnergy = keptEnergy(matrix, exact.eigenvectors, n);
  const energy = keptEnergy(matrix, columns, n);
  for (let k = 0; k < n; k++) {
    expect(Math.abs(eigenvalues[k] - exact.eigenvalues[k]), where).toBeLessThanOrEqual(10 * n * ULP * largest);
    // Every cut keeps what the best subspace keeps, up to rounding.
    expect(bestEnergy[k] - energy[k], `${where}, cut ${k}`).toBeLessThanOrEqual(10 * n * ULP * largest);
  }
  if (positive) expect(eigenvalues[n - 1], where).toBeGreaterThanOrEqual(-10 * n * ULP * largest);
}

/** What is the same for every solver beside its accuracy. */
export async function checkInputs(backend: WebGpuBackend, solve: Solve): Promise<void> {
  const n = 70;
  const matrix = family('random').build(n);
  const upper = Float32Array.from(matrix, (value, at) => (at % n >= Math.floor(at / n) ? value : Number.NaN));
  const covariance = backend.fromArray(upper, [n, n], 'covariance');
  const { eigenvalues, eigenvectors } = await solve({ covariance });
  const columns = await backend.read(eigenvectors);
  expect(await backend.read(covariance)).toEqual(upper);
  expect(eigenRatios(matrix, eigenvalues, columns).residual_ulp).toBeLessThanOrEqual(10);
  eigenvectors.dispose();
  covariance.dispose();
}

export async function checkScaling(backend: WebGpuBackend, solve: Solve): Promise<void> {
  const n = 70;
  const matrix = family('covariance').build(n);
  const plain = await decompose(backend, solve, matrix, n);
  const again = await decompose(backend, solve, matrix, n);
  expect(again.columns).toEqual(plain.columns);
  expect(again.eigenvalues).toEqual(plain.eigenvalues);
  const scaled = await decompose(
    backend,
    solve,
    matrix.map((x) => x * 2 ** 90),
    n,
  );
  expect(scaled.columns).toEqual(plain.columns);
  expect(scaled.eigenvalues).toEqual(plain.eigenvalues.map((x) => x * 2 ** 90));
}

export async function checkRefusal(backend: WebGpuBackend, solve: Solve, bad: number): Promise<void> {
  const n = 70;
  const matrix = family('random').build(n);
  matrix[3 * n + 17] = bad;
  const before = backend.memory.currentBytes;
  await expect(decompose(backend, solve, matrix, n)).rejects.toMatchObject({
    code: 'non_finite_activations',
    place: { tensor: 'covariance' },
  });
  expect(backend.memory.currentBytes).toBe(before);
}

export async function checkCancel(backend: WebGpuBackend, solve: Solve): Promise<void> {
  const n = 129;
  const before = backend.memory.currentBytes;
  const cancel = new AbortController();
  const running = decompose(backend, solve, family('random').build(n), n, cancel.signal);
  cancel.abort();
  await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  expect(backend.memory.currentBytes).toBe(before);
}
