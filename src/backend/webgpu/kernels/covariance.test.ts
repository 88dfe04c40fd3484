import { afterAll, describe, expect, it } from 'vitest';
import { normalisedError, openTwins, randomValues } from '../../testing.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** [rows, n]. */
const SHAPES = [
  [1, 1],
  [7, 13],
  [13, 8],
  [30, 12],
  [300, 20], // more than one chunk of 256 rows
  [300, 21],
  [9, 132], // more than one workgroup tile, tiles below the diagonal
  [9, 70],
  [301, 124], // wide tiles on a software adapter, rows that are no multiple of 4
] as const;

describe.skipIf(!twins)('covariance against its f64 twin', () => {
  it.each(SHAPES)('accumulates X (%i, %i) twice and leaves the lower triangle alone', async (rows, n) => {
    const [found, expected] = await twins!.run((backend) => {
      const covariance = backend.fromArray(randomValues(n * n, 1), [n, n], 'covariance');
      for (const seed of [2, 3]) {
        const hidden_states = backend.fromArray(randomValues(rows * n, seed), [rows, n], 'hidden_states');
        backend.covariance({ hidden_states, covariance });
      }
      return covariance;
    });
    expect(normalisedError(found, expected)).toBeLessThan(1e-12); // f32 sums of up to 256 products, then of chunks
    for (let row = 1; row < n; row++) expect(found[row * n]).toBe(expected[row * n]);
  });
});
