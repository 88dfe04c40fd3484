import { afterAll, describe, expect, it } from 'vitest';
import { MATRIX_FAMILIES } from '../matrix_families.ts';
import { createNodeWebGpuBackend, isFull } from '../testing.ts';
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
import { TRIDIAGONAL_SOLVER, tridiagonalEigh } from './eigh_tridiagonal.ts';

const backend = await createNodeWebGpuBackend();
afterAll(() => backend?.dispose());

/** Below a panel, one panel, parts of more; one and two blocks of reflectors; odd sizes. */
const SIZES = [1, 2, 3, 5, 32, 33, 65, 129];
/** 576 is the hidden size of SmolLM2-135M; the bench does all families at it, and larger. */
const LARGE: Readonly<Record<string, number>> = { random: 300, 'glued Wilkinson': 300, 'covariance with outlier': 576 };
/** Of each family; `LARGE` ones take every size. A software adapter needs seconds for all of all. */
const USUAL = isFull ? SIZES : [3, 65];
const solve: Solve = (args) => tridiagonalEigh(backend!.context, args);

describe.skipIf(!backend)('the tridiagonal eigensolver on WebGPU', () => {
  it.each(MATRIX_FAMILIES)('decomposes $name', async (each) => {
    for (const n of each.name in LARGE ? SIZES : USUAL) await checkFamily(backend!, solve, each, n);
    if (each.name in LARGE) await checkFamily(backend!, solve, each, LARGE[each.name]);
  });

  it('reads only the upper triangle and leaves the covariance as it was', () => checkInputs(backend!, solve));

  it('gives the same bits for the same matrix, and for a power of two times it', () => checkScaling(backend!, solve));

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a covariance with %f in it', (bad) =>
    checkRefusal(backend!, solve, bad),
  );

  it('stops between panels when cancelled, and frees everything', () => checkCancel(backend!, solve));

  it('takes shapes for hardware as it takes those for a software adapter', async () => {
    const matrix = family('covariance').build(200);
    const software = await decompose(backend!, solve, matrix, 200);
    // The same device, which does not say that it is software.
    const { context } = backend!;
    const { isFallbackAdapter, prefersWideTiles } = context;
    Object.assign(context, { isFallbackAdapter: false, prefersWideTiles: false });
    try {
      await checkFamily(backend!, solve, family('random'), 200);
      const hardware = await decompose(backend!, solve, matrix, 200);
      if (isFallbackAdapter) expect(hardware.columns).not.toEqual(software.columns); // other sums: they did run
      expect(hardware).toMatchObject({ solver: TRIDIAGONAL_SOLVER, sweeps: 0 });
    } finally {
      Object.assign(context, { isFallbackAdapter, prefersWideTiles });
    }
  });
});
