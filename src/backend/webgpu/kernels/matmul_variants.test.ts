/** matmul_shared, matmul_bt_shared and matmul_at_shared, and every shape that autotune may choose. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isFull, normalisedError, openTwins, randomValues } from '../../testing.ts';
import { describeVariant, MATMUL_VARIANTS } from '../matmul_variants.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** Workgroup memory makes a software adapter compile for seconds: WHITTLE_FULL=1 runs all shapes. */
const QUICK = ['tiled 16×4', 'tiled 4×16', 'shared 8×8 k4'];
const variants = MATMUL_VARIANTS.map((variant) => [describeVariant(variant), variant] as const).filter(
  ([name]) => isFull || QUICK.includes(name),
);

const [M, K, N] = [140, 36, 268];

describe.skipIf(!twins)('matmul variants', () => {
  beforeAll(() => {
    // Software adapters prefer the wide tiles, which have no variants.
    Object.assign(twins!.webgpu.context, { prefersWideTiles: false });
  });

  it.each(variants)('%s computes all three products, with tails, and with factors', async (_, variant) => {
    twins!.webgpu.context.matmulVariant = variant;
    for (const name of ['matmul', 'matmul_bt', 'matmul_at'] as const) {
      const [found, expected] = await twins!.run((backend) => {
        const of = (rows: number, columns: number, seed: number) =>
          backend.fromArray(randomValues(rows * columns, seed), [rows, columns], 'x');
        const a = name === 'matmul_at' ? of(K - 1, M, 1) : of(M, K, 1);
        const b = name === 'matmul_bt' ? of(N, K, 2) : of(name === 'matmul_at' ? K - 1 : K, N + 4, 2);
        const output = backend.empty([M, N], 'output');
        if (name === 'matmul_bt') {
          const gate = { states: of(M, N, 3), activation: 'silu' } as const;
          backend.matmul_bt({ a, b, output, row_scale: of(M, 1, 4), gate });
        }
        backend[name]({ a, b, output, accumulate: true });
        return output;
      });
      expect(normalisedError(found, expected), name).toBeLessThan(1e-12);
      expect([...twins!.kernels]).toEqual([variant.kernel === 'shared' ? `${name}_shared` : name]);
    }
  });
});
