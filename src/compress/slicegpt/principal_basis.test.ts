/** The basis of a site on threads that share memory: of the covariance as it lies there, which is gone afterwards. */
import { afterAll, expect, it } from 'vitest';
import { createCpuBackend } from '../../backend/cpu/cpu_backend.ts';
import { randomValues } from '../../backend/testing.ts';
import { createNodeCrew } from '../../backend/wasm/testing.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { withArena } from '../../runtime/arena.ts';
import { principalBasis } from './principal_basis.ts';
import { siteCovariance, statesSum } from './site_covariance.ts';
import { EMBEDDING_SITE } from './sites.ts';

const crew = await createNodeCrew(1);
const shared = createWasmBackend(crew);
const alone = createWasmBackend();
const reference = createCpuBackend();
afterAll(() => {
  for (const backend of [shared, alone, reference]) backend.dispose();
});

/** Beyond the size up to which every entry of a certificate is measured, and up to which the kept energy is compared. */
it.each([
  [290, 200],
  [301, 301],
])('is that of one thread and of the reference, n = %i, %i directions', async (n, dimension) => {
  const rows = 400;
  const X = randomValues(rows * n, 11).map((value, i) => value * (1 + 30 / (1 + (i % n))));
  const signal = new AbortController().signal;
  const found = [];
  const before = crew.heap.usedBytes;
  for (const backend of [shared, alone, reference]) {
    const one = await withArena(backend, async (arena) => {
      const states = arena.own(backend.fromArray(X, [rows, n], 'states'));
      const sum = statesSum(arena, n, undefined);
      sum.add(states);
      arena.free(states);
      const covariance = await siteCovariance(arena, sum, EMBEDDING_SITE);
      const isHeld = crew.heap.holds(covariance.H.buffer);
      expect(isHeld).toBe(backend === shared);
      expect(covariance.held !== undefined).toBe(isHeld);
      const { H } = covariance;
      expect(H.findIndex((value, at) => value !== H[(at % n) * n + Math.floor(at / n)])).toBe(-1);
      const { Q, report } = await principalBasis(arena, covariance, EMBEDDING_SITE, dimension, signal);
      // All that is left is what it gives.
      if (backend === shared) expect(backend.memory.currentBytes).toBe(4 * n * dimension);
      const columns = await backend.read(Q);
      arena.free(Q);
      return { columns, report };
    });
    found.push(one);
  }
  expect(crew.heap.usedBytes).toBe(before);
  const [first, second, exact] = found;
  expect(first.columns).toEqual(second.columns);
  expect(first.report.eigenvalues).toEqual(second.report.eigenvalues);
  const largest = exact.report.eigenvalues[0];
  for (const [i, value] of exact.report.eigenvalues.entries())
    expect(Math.abs(first.report.eigenvalues[i] - value)).toBeLessThan(1e-6 * largest);
  expect(first.report.certificate.verdict).toBe('as good as f64');
  const figures = [first, second].map(({ report }) => report.certificate);
  for (const name of ['orthogonality_error', 'residual'] as const)
    expect(Math.abs(figures[0][name] / figures[1][name] - 1), name).toBeLessThan(1e-6);
});
