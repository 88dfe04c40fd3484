import { afterAll, describe, expect, it } from 'vitest';
import { normalisedError, openTwins, randomValues } from '../../testing.ts';
import { covariance as covarianceBy } from './covariance.ts';

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
  [wide, 301, 120], // rows that are no multiple of 4
  [wide, 70, 288], // more than one panel of rows
  ['covariance', 9, 124], // columns in fours
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

  /** [kernel, n, scales of the calls]: sums that f32 cannot hold, of chunks that it can. */
  const EXACT = [
    ['covariance_any', 5, [1, 2 ** 10, 1, 2 ** 3, 2 ** 10, 1]],
    ['covariance', 12, [2 ** 10, 1, 2 ** 5, 2 ** 10, 1, 2 ** 5]],
    [wide, 120, [1, 2 ** 9, 1]],
    ['covariance', 12, [2 ** -30, 2 ** -21, 2 ** -30]],
    ['covariance', 12, [2 ** 40, 2 ** 51, 2 ** 40]],
  ] as const;

  describe.each(['integer', 'float'] as const)('as a pair, by %s', (summation) => {
    // A float two-sum is right only where the self-test says so; SwiftShader keeps it.
    it.each(EXACT)('%s (%i)² loses nothing between chunks', async (kernel, n, scales) => {
      const { webgpu, cpu, kernels } = twins!;
      const sums = [webgpu, cpu].map((backend) => {
        const covariance = backend.empty([n, n], 'covariance');
        const low = backend.empty([n, n], 'low');
        return { backend, covariance, low };
      });
      for (const [seed, scale] of scales.entries()) {
        // Whole numbers of 6 bits: a chunk of 256 products is exact in f32.
        const x = randomValues(300 * n, seed).map((value) => Math.round(63 * value) * scale);
        for (const { backend, covariance, low } of sums) {
          const hidden_states = backend.fromArray(x, [300, n], 'hidden_states');
          if (backend === webgpu) covarianceBy(webgpu.context, { hidden_states, covariance, low }, summation);
          else backend.covariance({ hidden_states, covariance, low });
          hidden_states.dispose();
        }
      }
      expect(kernels).toContain(kernel);
      const [found, expected] = await Promise.all(
        sums.map(async ({ backend, covariance, low }) => {
          const [high, rest] = [await backend.read(covariance), await backend.read(low)];
          return Float64Array.from(high, (value, i) => value + rest[i]);
        }),
      );
      expect(expected.some((value) => Math.fround(value) !== value)).toBe(true);
      expect(found).toEqual(expected);
    });
  });

  it('shows infinity and NaN in the sum, and rounds sums near the smallest numbers', async () => {
    const { webgpu } = twins!;
    const covariance = webgpu.empty([4, 4], 'covariance');
    const low = webgpu.empty([4, 4], 'low');
    const x = [3e38, 1e-20, 2 ** -60, 1, 3e38, 1e-20, 2 ** -60, 1];
    for (let call = 0; call < 2; call++) {
      webgpu.covariance({ hidden_states: webgpu.fromArray(x, [2, 4], 'x'), covariance, low });
    }
    const high = await webgpu.read(covariance);
    expect(Number.isFinite(high[0])).toBe(false);
    expect(high[10]).toBe(4 * 2 ** -120);
    expect(high[15]).toBe(4);
    const rest = await webgpu.read(low);
    for (const at of [10, 15]) expect(rest[at]).toBe(0);
  });
});
