/** Matrices that threads solve side by side, against one after another. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Eigendecomposition } from '../backend.ts';
import { eigenpairsPlace, solveEigenpairs } from '../linalg/eigenpairs_task.ts';
import { addProduct } from '../linalg/gemm.ts';
import { MATRIX_FAMILIES } from '../matrix_families.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

const crew = await createNodeCrew(2);
const backend = createWasmBackend(crew);
const single = createWasmBackend();
afterAll(() => {
  backend.dispose();
  single.dispose();
});

async function together(matrices: Float64Array[], n: number, wanted: number, signal?: AbortSignal) {
  const found: { eigenvalues: Float64Array; vectors: ArrayLike<number> }[] = [];
  await backend.eigh64Together?.({ matrices, n, wanted, signal }, async (one, i) => {
    expect(i).toBe(found.length);
    found.push(await taken(one));
  });
  return found;
}

async function taken({ eigenvalues, eigenvectors }: Eigendecomposition) {
  const vectors = await backend.read(eigenvectors);
  eigenvectors.dispose();
  return { eigenvalues, vectors };
}

describe('matrices side by side', () => {
  // Fewer than threads, and more than one lot of them; below and above the size of which parts are torn.
  it.each([
    [2, 70, 70],
    [7, 70, 20],
    [4, 330, 250],
  ])('have the bits of one after another: %i of n = %i, %i vectors', async (count, n, wanted) => {
    const families = MATRIX_FAMILIES.slice(0, count);
    const matrices = families.map(({ build }) => Float64Array.from(build(n)));
    const before = [crew.heap.usedBytes, backend.memory.currentBytes];
    const found = await together(matrices, n, wanted);
    expect(found).toHaveLength(families.length);
    for (const [i, matrix] of matrices.entries()) {
      const alone = await taken((await backend.eigh64?.({ matrix, n, wanted })) as Eigendecomposition);
      expect(found[i], families[i].name).toEqual(alone);
    }
    expect([crew.heap.usedBytes, backend.memory.currentBytes]).toEqual(before);
  });

  it('say what is wrong with one of them, behind those before it, and give back what they took', async () => {
    const n = 40;
    const matrices = MATRIX_FAMILIES.slice(0, 3).map(({ build }) => Float64Array.from(build(n)));
    matrices[1][3 * n + 5] = Number.NaN;
    const before = crew.heap.usedBytes;
    const taken: number[] = [];
    const work = backend.eigh64Together?.({ matrices, n, wanted: n }, async ({ eigenvectors }, i) => {
      taken.push(i);
      eigenvectors.dispose();
    });
    await expect(work).rejects.toMatchObject({
      code: 'non_finite_activations',
      message: expect.stringContaining('row 3, column 5'),
    });
    expect(taken).toEqual([0]);
    expect(crew.heap.usedBytes).toBe(before);
  });

  it('are not begun once they are cancelled', async () => {
    const n = 40;
    const controller = new AbortController();
    const matrices = MATRIX_FAMILIES.slice(0, 5).map(({ build }) => Float64Array.from(build(n)));
    const taken: number[] = [];
    const work = backend.eigh64Together?.({ matrices, n, wanted: n, signal: controller.signal }, async (found, i) => {
      taken.push(i);
      found.eigenvectors.dispose();
      controller.abort();
    });
    await expect(work).rejects.toMatchObject({ code: 'cancelled' });
    // The first lot, of as many as there are threads, is done.
    expect(taken).toEqual([0, 1, 2]);
  });

  it('are as many as threads where several pay and fit, else one', () => {
    expect(backend.countTogether?.(576)).toBe(3);
    expect(backend.countTogether?.(4096)).toBe(1);
    expect(single.countTogether?.(576)).toBe(1);
  });
});

describe('the place of a matrix', () => {
  it.each([1, 2, 3, 63, 65, 130, 301])('has room for all that its solver takes, n = %i', (n) => {
    const size = eigenpairsPlace(n);
    for (const wanted of new Set([1, Math.ceil(0.75 * n), n])) {
      const places = new Float64Array(2 * size);
      const guard = 0.25;
      places.fill(guard, size);
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) places[i * n + j] = 1 / (i + j + 1);
      const task = {
        ...{ places, n, wanted, eigenvalues: new Float64Array(2 * n), failed: new Float64Array(2).fill(2) },
        eigenvectors: new Float32Array(2 * n * wanted),
      };
      solveEigenpairs(task, 0, 1, addProduct);
      expect([...task.failed]).toEqual([0, 2]);
      expect(places.subarray(size).every((value) => value === guard)).toBe(true);
    }
  });
});
