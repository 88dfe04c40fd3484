import { afterAll, describe, expect, it } from 'vitest';
import { normalisedError, openTwins, randomValues } from '../../testing.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

const wide = twins?.webgpu.context.prefersWideTiles ? 'covariance_subgroup' : 'covariance';

/** [the kernel that takes these sizes, rows, n]. */
const SHAPES = [
  ['covariance_any', 1, 1],
  ['covariance_any', 7, 13],
  ['covariance', 13, 8],
  ['covariance', 30, 12],
  ['covariance', 300, 20], // more than one chunk of 256 rows
  ['covariance_any', 300, 21],
  ['covariance', 9, 132], // more than one workgroup tile, tiles below the diagonal
  ['covariance_any', 9, 70],
  [wide, 301, 124], // rows that are no multiple of 4
] as const;

describe.skipIf(!twins)('covariance against its f64 twin', () => {
  it.each(SHAPES)('%s accumulates X (%i, %i) twice and leaves the lower triangle alone', async (kernel, rows, n) => {
    const [found, expected] = await twins!.run((backend) => {
      const covariance = backend.fromArray(randomValues(n * n, 1), [n, n], 'covariance');
      for (const seed of [2, 3]) {
        const hidden_states = backend.fromArray(randomValues(rows * n, seed), [rows, n], 'hidden_states');
        backend.covariance({ hidden_states, covariance });
      }
      return covariance;
    });
    expect([...twins!.kernels]).toEqual([kernel]);
    expect(normalisedError(found, expected)).toBeLessThan(1e-12); // f32 sums of up to 256 products, then of chunks
    for (let row = 1; row < n; row++) expect(found[row * n]).toBe(expected[row * n]);
  });
});
