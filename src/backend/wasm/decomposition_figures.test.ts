/** What two threads measure of a decomposition, against one after another. */
import { afterAll, expect, it } from 'vitest';
import { certifyWhole } from '../linalg/certificate.ts';
import { figuresTogether, measuresTogether } from '../linalg/figures_task.ts';
import { type AddProduct, addProduct } from '../linalg/gemm.ts';
import { keptEnergyBound } from '../linalg/kept_energy.ts';
import { room } from '../linalg/shared_work.ts';
import { symmetricEigen } from '../linalg/symmetric_eigen.ts';
import { MATRIX_FAMILIES } from '../matrix_families.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

const crew = await createNodeCrew(1);
const backend = createWasmBackend(crew);
afterAll(() => backend.dispose());

// Below and above the size from which another thread takes one of the two.
it.each([
  [140, 100],
  [400, 300],
])('are those of one thread, n = %i, %i of the vectors', async (n, wanted) => {
  const multiply = backend.addProduct as AddProduct;
  const family = MATRIX_FAMILIES.find(({ name }) => name === 'covariance');
  const matrix = Float64Array.from(family?.build(n) ?? []);
  const { eigenvalues, eigenvectors } = await symmetricEigen(matrix, n, undefined, undefined, wanted);
  // As f32 holds them: both figures are then far from zero.
  const rounded = Float64Array.from(new Float32Array(eigenvectors));
  const ulp = 2 ** -23;
  const before = crew.heap.usedBytes;
  const held = room(multiply);
  const shared = (values: Float64Array) => {
    const array = held.take(values.length);
    array.set(values);
    return array;
  };
  const given = {
    ...{ covariance: shared(matrix), eigenvalues: shared(eigenvalues), eigenvectors: shared(rounded) },
    ...{ n, dimension: wanted - 10, leading: 1 },
  };
  const { certificate, loss } = figuresTogether(given, ulp, held, multiply);
  held.release();
  const expected = certifyWhole(matrix, eigenvalues, rounded, n, { ulp });
  expect(certificate).toMatchObject({ ulp, measured: 'probes' });
  for (const name of ['orthogonality_error', 'residual', 'orthogonality_ulp', 'residual_ulp'] as const) {
    expect(Math.abs(certificate[name] / expected[name] - 1), name).toBeLessThan(1e-6);
  }
  const bound = keptEnergyBound(matrix, eigenvalues, rounded, n, wanted - 10, 1);
  expect(bound).toBeGreaterThan(0);
  expect(Math.abs(loss / bound - 1)).toBeLessThan(1e-6);
  expect(crew.heap.usedBytes).toBe(before);
});

it('are for matrices whose products are too small to be shared', () => {
  const multiply = backend.addProduct as AddProduct;
  expect(measuresTogether(576, multiply)).toBe(true);
  expect(measuresTogether(4096, multiply)).toBe(false);
  expect(measuresTogether(576, addProduct)).toBe(false);
});
