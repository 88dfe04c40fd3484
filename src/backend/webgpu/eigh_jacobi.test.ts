import { afterAll, describe, expect, it } from 'vitest';
import { symmetricEigen } from '../linalg/symmetric_eigen.ts';
import { keptEnergy, MATRIX_FAMILIES } from '../matrix_families.ts';
import { createNodeWebGpuBackend, isFull } from '../testing.ts';
import { JACOBI_SOLVER, jacobiEigh } from './eigh_jacobi.ts';
import {
  checkCancel,
  checkFamily,
  checkInputs,
  checkRefusal,
  checkScaling,
  decompose,
  family,
  type Solve,
} from './eigh_testing.ts';

const backend = await createNodeWebGpuBackend();
afterAll(() => backend?.dispose());

/** One block, two, an odd number of pairs; multiples of the block and not. */
const SIZES = [1, 2, 3, 5, 20, 33, 64, 129];
const LARGE = new Set(['random', 'covariance with outlier']);
/** Of each family; `LARGE` ones take every size. A software adapter needs seconds for all of all. */
const USUAL = isFull ? SIZES : [3, 65];
const solve: Solve = (args) => jacobiEigh(backend!.context, args);

describe.skipIf(!backend)('the Jacobi eigensolver on WebGPU', () => {
  it.each(MATRIX_FAMILIES)('decomposes $name', async (each) => {
    for (const n of LARGE.has(each.name) ? SIZES : USUAL) await checkFamily(backend!, solve, each, n);
    if (LARGE.has(each.name)) await checkFamily(backend!, solve, each, 256);
  });

  it('discards what f64 discards where one channel is ×1000: the tail converges to its own scale', async () => {
    const n = 129;
    const cut = 97;
    const matrix = family('covariance with outlier').build(n);
    const { columns, solver } = await decompose(backend!, solve, matrix, n);
    const exact = await symmetricEigen(matrix, n);
    const discarded = (vectors: ArrayLike<number>): number => {
      const kept = keptEnergy(matrix, vectors, n);
      return kept[n] - kept[cut];
    };
    const best = discarded(exact.eigenvectors);
    expect(exact.eigenvalues[0] / exact.eigenvalues[cut]).toBeGreaterThan(1e7);
    // Measured at n = 256: 2e-2 where only off(A) beside ‖A‖ decides, 1e-6 with the scaled measure.
    expect(discarded(columns) / best - 1).toBeLessThan(1e-4);
    expect(solver).toBe(JACOBI_SOLVER);
  });

  it('reads only the upper triangle and leaves the covariance as it was', () => checkInputs(backend!, solve));

  it('gives the same bits for the same matrix, and for a power of two times it', () => checkScaling(backend!, solve));

  it('says so when it does not converge, and frees everything', async () => {
    const before = backend!.memory.currentBytes;
    const once: Solve = (args) => jacobiEigh(backend!.context, args, { maxSweeps: 1 });
    await expect(decompose(backend!, once, family('random').build(64), 64)).rejects.toMatchObject({
      code: 'not_converged',
      message: expect.stringMatching(/64×64 .* 1 sweep.* is \d\.\de-\d of/),
      action: expect.stringContaining('backend "cpu"'),
    });
    expect(backend!.memory.currentBytes).toBe(before);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a covariance with %f in it', (bad) =>
    checkRefusal(backend!, solve, bad),
  );

  it('stops between sweeps when cancelled, and frees everything', () =>
    checkCancel(backend!, (args) => jacobiEigh(backend!.context, args, { tolerance: 0 })));
});
