import { afterAll, describe, expect, it } from 'vitest';
import { normalisedError, openTwins, randomValues } from '../../testing.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** [m, k, n, extra rows or columns of the operands that may be larger]. */
const SHAPES = [
  [1, 1, 1, 0],
  [7, 13, 5, 0],
  [7, 13, 5, 3],
  [3, 8, 4, 0],
  [9, 20, 12, 4],
  [70, 32, 72, 0], // more than one 64 × 64 workgroup tile, rows not a multiple of 8
  [65, 68, 132, 8],
  [70, 36, 124, 4], // wide tiles on a software adapter, with tails
  [70, 35, 124, 4], // k that is no multiple of 4
  [66, 34, 130, 2], // the same with strides that are no multiples of 4
] as const;

/** f32 sums of up to 68 products against f64: errors of a few 2^-24, squared. */
const BOUND = 1e-12;

describe.skipIf(!twins)('matmul family against its f64 twin', () => {
  it.each(SHAPES)('multiplies a (%i, %i) by b with %i columns, %i more unused', async (m, k, n, extra) => {
    const [found, expected] = await twins!.run((backend) => {
      const a = backend.fromArray(randomValues(m * k, 1), [m, k], 'a');
      const b = backend.fromArray(randomValues(k * (n + extra), 2), [k, n + extra], 'b');
      const output = backend.empty([m, n], 'output');
      backend.matmul({ a, b, output });
      return output;
    });
    expect(normalisedError(found, expected)).toBeLessThan(BOUND);
  });

  it.each(SHAPES)('multiplies a (%i, %i) by b transposed with %i rows, %i more unused', async (m, k, n, extra) => {
    const [found, expected] = await twins!.run((backend) => {
      const a = backend.fromArray(randomValues(m * k, 3), [m, k], 'a');
      const b = backend.fromArray(randomValues((k + extra) * (n + extra), 4), [n + extra, k + extra], 'b');
      const output = backend.empty([m, n], 'output');
      backend.matmul_bt({ a, b, output });
      return output;
    });
    expect(normalisedError(found, expected)).toBeLessThan(BOUND);
  });

  it.each(SHAPES)(
    'multiplies a transposed (%i columns, %i rows) by b with %i columns, %i more unused',
    async (m, k, n, extra) => {
      const [found, expected] = await twins!.run((backend) => {
        const a = backend.fromArray(randomValues(k * (m + extra), 5), [k, m + extra], 'a');
        const b = backend.fromArray(randomValues(k * (n + extra), 6), [k, n + extra], 'b');
        const output = backend.empty([m, n], 'output');
        backend.matmul_at({ a, b, output });
        return output;
      });
      expect(normalisedError(found, expected)).toBeLessThan(BOUND);
    },
  );
});
