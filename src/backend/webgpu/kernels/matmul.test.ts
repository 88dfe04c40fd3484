import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../backend.ts';
import { normalisedError, openTwins, randomValues } from '../../testing.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** [m, k, n, extra rows or columns of the operands that may be larger, and the kernels that take these sizes]. */
const SHAPES = [
  [1, 1, 1, 0, 'matmul_any', 'matmul_bt_any', 'matmul_at_any'],
  [7, 13, 5, 0, 'matmul_any', 'matmul_bt_any', 'matmul_at_any'],
  [7, 13, 5, 3, 'matmul_any', 'matmul_bt_any', 'matmul_at_any'],
  [3, 8, 4, 0, 'matmul', 'matmul_bt', 'matmul_at_any'],
  [12, 10, 8, 4, 'matmul_any', 'matmul_bt_any', 'matmul_at'], // k that is no multiple of 4
  [9, 20, 12, 4, 'matmul', 'matmul_bt', 'matmul_at_any'],
  [15, 32, 72, 0, 'matmul_subgroup', 'matmul_bt_subgroup', 'matmul_at_any'], // more than one workgroup tile
  [1, 68, 64, 0, 'matmul_subgroup', 'matmul_bt_subgroup', 'matmul_at_any'], // one token
  [70, 32, 72, 0, 'matmul_subgroup', 'matmul_bt_subgroup', 'matmul_at_any'], // rows not a multiple of 8
  [68, 32, 72, 0, 'matmul_subgroup', 'matmul_bt_subgroup', 'matmul_at_subgroup'],
  [65, 68, 132, 8, 'matmul', 'matmul_bt', 'matmul_at_any'],
  [70, 36, 120, 4, 'matmul_subgroup', 'matmul_bt_subgroup', 'matmul_at_any'], // with tails
  [20, 200, 32, 0, 'matmul_subgroup', 'matmul_bt_subgroup', 'matmul_at_subgroup'], // steps of k that are added in turn
  [300, 44, 40, 4, 'matmul_subgroup', 'matmul_bt_subgroup', 'matmul_at_subgroup'], // more than one panel, the last shorter
  [70, 36, 124, 4, 'matmul', 'matmul_bt', 'matmul_at_any'], // columns for which panels are too wide
  [72, 35, 124, 4, 'matmul_any', 'matmul_bt_any', 'matmul_at'],
  [72, 67, 120, 4, 'matmul_any', 'matmul_bt_any', 'matmul_at_subgroup'],
  [66, 34, 130, 2, 'matmul_any', 'matmul_bt_any', 'matmul_at_any'], // strides that are no multiples of 4
] as const;

/** The kernel that takes its place where wide tiles do not pay: on hardware, and without subgroups. */
function here(kernel: string): string {
  return twins?.webgpu.context.prefersWideTiles ? kernel : kernel.replace('_subgroup', '');
}
const MATMUL = SHAPES.map(([m, k, n, extra, kernel]) => [here(kernel), m, k, n, extra] as const);
const MATMUL_BT = SHAPES.map(([m, k, n, extra, , kernel]) => [here(kernel), m, k, n, extra] as const);
const MATMUL_AT = SHAPES.map(([m, k, n, extra, , , kernel]) => [here(kernel), m, k, n, extra] as const);

/** f32 sums of up to 200 products against f64: errors of a few 2^-24, squared. */
const BOUND = 1e-12;

function operands(backend: Backend, m: number, k: number, n: number, extra: number) {
  return {
    a: backend.fromArray(randomValues(m * k, 7), [m, k], 'a'),
    b: backend.fromArray(randomValues((k + extra) * (n + extra), 8), [n + extra, k + extra], 'b'),
    output: backend.fromArray(randomValues(m * n, 11), [m, n], 'output'),
  };
}

function fused(backend: Backend, m: number, k: number, n: number, extra: number, accumulate: boolean) {
  const { a, b, output } = operands(backend, m, k, n, extra);
  const row_scale = backend.fromArray(randomValues(m, 9), [m, 1], 'row_scale');
  const states = backend.fromArray(randomValues(m * n, 10), [m, n], 'gate');
  backend.matmul_bt({ a, b, output, row_scale, gate: { states, activation: 'silu' }, accumulate });
  return output;
}

describe.skipIf(!twins)('matmul family against its f64 twin', () => {
  it.each(MATMUL)('%s multiplies a (%i, %i) by b with %i columns, %i more unused', async (kernel, m, k, n, extra) => {
    const [found, expected] = await twins!.run((backend) => {
      const a = backend.fromArray(randomValues(m * k, 1), [m, k], 'a');
      const b = backend.fromArray(randomValues(k * (n + extra), 2), [k, n + extra], 'b');
      const output = backend.empty([m, n], 'output');
      backend.matmul({ a, b, output });
      return output;
    });
    expect(normalisedError(found, expected)).toBeLessThan(BOUND);
    expect([...twins!.kernels]).toEqual([kernel]);
  });

  it.each(MATMUL_BT)(
    '%s multiplies a (%i, %i) by b transposed with %i rows, %i more unused',
    async (kernel, m, k, n, extra) => {
      const [found, expected] = await twins!.run((backend) => {
        const a = backend.fromArray(randomValues(m * k, 3), [m, k], 'a');
        const b = backend.fromArray(randomValues((k + extra) * (n + extra), 4), [n + extra, k + extra], 'b');
        const output = backend.empty([m, n], 'output');
        backend.matmul_bt({ a, b, output });
        return output;
      });
      expect(normalisedError(found, expected)).toBeLessThan(BOUND);
      expect([...twins!.kernels]).toEqual([kernel]);
    },
  );

  it.each(MATMUL_BT)(
    '%s scales rows of a (%i, %i) times b transposed with %i rows, %i more unused, and gates them',
    async (kernel, m, k, n, extra) => {
      const [found, expected] = await twins!.run((backend) => fused(backend, m, k, n, extra, false));
      expect(normalisedError(found, expected)).toBeLessThan(BOUND);
      expect([...twins!.kernels]).toEqual([kernel]);
    },
  );

  // A panel kernel's output is nothing but the product when it multiplies by factors.
  it.each(MATMUL_BT.map(([kernel, ...shape]) => [kernel.replace('_subgroup', ''), ...shape] as const))(
    '%s scales rows of a (%i, %i) times b transposed with %i rows, %i more unused, gates them and adds them',
    async (kernel, m, k, n, extra) => {
      const [found, expected] = await twins!.run((backend) => fused(backend, m, k, n, extra, true));
      expect(normalisedError(found, expected)).toBeLessThan(BOUND);
      expect([...twins!.kernels]).toEqual([kernel]);
    },
  );

  it.each(MATMUL_BT)(
    '%s adds a (%i, %i) times b transposed with %i rows, %i more unused',
    async (kernel, m, k, n, extra) => {
      const [found, expected] = await twins!.run((backend) => {
        const { a, b, output } = operands(backend, m, k, n, extra);
        backend.matmul_bt({ a, b, output, accumulate: true });
        return output;
      });
      expect(normalisedError(found, expected)).toBeLessThan(BOUND);
      expect([...twins!.kernels]).toEqual([kernel]);
    },
  );

  it.each(MATMUL_AT)(
    '%s multiplies a transposed (%i columns, %i rows) by b with %i columns, %i more unused',
    async (kernel, m, k, n, extra) => {
      const [found, expected] = await twins!.run((backend) => {
        const a = backend.fromArray(randomValues(k * (m + extra), 5), [k, m + extra], 'a');
        const b = backend.fromArray(randomValues(k * (n + extra), 6), [k, n + extra], 'b');
        const output = backend.empty([m, n], 'output');
        backend.matmul_at({ a, b, output });
        return output;
      });
      expect(normalisedError(found, expected)).toBeLessThan(BOUND);
      expect([...twins!.kernels]).toEqual([kernel]);
    },
  );
});
