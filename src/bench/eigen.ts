/** @file Speed and quality of the symmetric eigensolver on one matrix family. */
import type { Backend } from '../backend/backend.ts';
import { eigenRatios, MATRIX_FAMILIES } from '../backend/matrix_families.ts';
import type { EigenFigure } from './figures.ts';

/** Timed once, after the pipelines were compiled by a small matrix: a decomposition is long enough. */
export async function benchEigen(
  backend: Backend,
  n: number,
  family: string,
): Promise<Omit<EigenFigure, 'n' | 'worst_family'>> {
  const found = MATRIX_FAMILIES.find(({ name }) => name === family);
  if (!found) throw new RangeError(`There is no matrix family "${family}".`);
  await decompose(backend, found.build(32), 32);
  const matrix = found.build(n);
  const { ms, eigenvalues, eigenvectors } = await decompose(backend, matrix, n);
  return { ms, ...eigenRatios(matrix, eigenvalues, eigenvectors) };
}

async function decompose(backend: Backend, matrix: Float64Array, n: number) {
  const covariance = backend.fromArray(matrix, [n, n], 'covariance');
  try {
    await backend.sync();
    const started = performance.now();
    const { eigenvalues, eigenvectors } = await backend.eigh({ covariance });
    const ms = performance.now() - started;
    const vectors = await backend.read(eigenvectors);
    eigenvectors.dispose();
    return { ms, eigenvalues, eigenvectors: vectors };
  } finally {
    covariance.dispose();
  }
}
