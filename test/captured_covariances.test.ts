/**
 * Covariances of the built-in model's residual stream, as its calibration text makes them: decomposed by every solver to
 * rounding, as the synthetic families are (notes on numerics, §5).
 */
import { openAsBlob } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { symmetricEigen } from '../src/backend/linalg/symmetric_eigen.ts';
import { eigenRatios } from '../src/backend/matrix_families.ts';
import { createNodeWebGpuBackend } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { jacobiEigh } from '../src/backend/webgpu/eigh_jacobi.ts';
import { checkFamily, type Solve } from '../src/backend/webgpu/eigh_testing.ts';
import { tridiagonalEigh } from '../src/backend/webgpu/eigh_tridiagonal.ts';
import { compress, EXACT_SEQUENTIAL, seededText, testJob } from './support/slice_job.ts';

const n = 256;

/** What the CPU backend, which takes nothing out, is asked to decompose: one matrix a site. */
async function capture(): Promise<Float64Array[]> {
  const files = await Promise.all(
    ['config.json', 'tokenizer.json', 'model.safetensors'].map(async (name) => ({
      path: `demo/${name}`,
      blob: await openAsBlob(fileURLToPath(new URL(`../public/demo/${name}`, import.meta.url))),
    })),
  );
  const texts = { calibration: seededText(5, 2000), evaluation: seededText(6, 100) };
  const job = await testJob(files, texts, { seqlen: 128, samples: 5, eval_samples: 1 });
  const backend = createWasmBackend();
  const captured: Float64Array[] = [];
  const { eigh64 } = backend;
  if (!eigh64) throw new Error('The CPU backend solves no matrix of the host.');
  Object.assign<Backend, Pick<Backend, 'eigh64'>>(backend, {
    eigh64: (args) => {
      // Rounded as an f32 solver gets it.
      captured.push(args.matrix.map(Math.fround));
      return eigh64(args);
    },
  });
  await compress(backend, job, { ...EXACT_SEQUENTIAL, sparsity: 0.25 });
  backend.dispose();
  return captured;
}

const gpu = await createNodeWebGpuBackend();
afterAll(() => gpu?.dispose());

describe('covariances of a real model', () => {
  let captured: Float64Array[];
  beforeAll(async () => {
    captured = await capture();
  });

  it('are one a site', () => {
    expect(captured.map(({ length }) => length)).toEqual(Array.from({ length: 9 }, () => n * n));
  });

  it('are decomposed by the f64 solver to rounding', async () => {
    for (const matrix of captured) {
      const { eigenvalues, eigenvectors } = await symmetricEigen(matrix, n);
      const { residual_ulp, orthogonality_ulp } = eigenRatios(matrix, eigenvalues, eigenvectors);
      // In n·2⁻²³, of which f64 rounding is 2⁻²⁹.
      expect(residual_ulp).toBeLessThan(1e-7);
      expect(orthogonality_ulp).toBeLessThan(1e-7);
    }
  });

  describe.skipIf(!gpu)('on webgpu', () => {
    const check = (solve: Solve, site: number) =>
      checkFamily(gpu!, solve, { name: `site ${site}`, positive: true, build: () => captured[site] }, n);

    it.each([0, 1, 4, 8])('are decomposed by the tridiagonal solver to rounding: site %i', (site) =>
      check((args) => tridiagonalEigh(gpu!.context, args), site),
    );

    // The one that takes it longest; at this size it is asked for nothing by itself.
    it.each([1])('are decomposed by the Jacobi solver to rounding: site %i', (site) =>
      check((args) => jacobiEigh(gpu!.context, args), site),
    );
  });
});
