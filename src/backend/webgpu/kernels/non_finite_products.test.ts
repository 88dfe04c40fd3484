/** Infinities and NaN in the last steps of k of every product, where k is no multiple of what a kernel takes at a time. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../backend.ts';
import { openTwins, randomValues } from '../../testing.ts';
import type { MatmulVariant } from '../matmul_variants.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

const TILED: MatmulVariant = { kernel: 'tiled', WORKGROUP_X: 8, WORKGROUP_Y: 8 };
const SHARED: MatmulVariant = { kernel: 'shared', WORKGROUP_X: 8, WORKGROUP_Y: 8, K_STEP: 4 };

/** Kernels of the adapter, and those of hardware, whichever this is. */
const ADAPTERS = [
  { name: 'its own kernels', prefersWideTiles: twins?.webgpu.context.prefersWideTiles, variant: TILED },
  { name: 'tiles in registers', prefersWideTiles: false, variant: TILED },
  { name: 'tiles in workgroup memory', prefersWideTiles: false, variant: SHARED },
] as const;

/** Steps of k: fewer than a round of a panel, one, and more; multiples of 4 and others. */
const STEPS = [4, 7, 64, 65, 68, 100, 124, 127, 130] as const;

const [M, N] = [36, 32];

/** What a value is, so far as sums of numbers in another order keep it: which of those that are no numbers, or about how large. */
function kind(value: number): string {
  return Number.isFinite(value) ? 'number' : String(value);
}

/** Numbers as they are, with special ones in the last steps of two lines of `lines`, and in the first of a third. */
function withSpecials(values: Float32Array, k: number, at: (line: number, step: number) => number): Float32Array {
  values[at(2, k - 1)] = Number.POSITIVE_INFINITY;
  values[at(9, Math.max(0, k - 3))] = Number.NEGATIVE_INFINITY;
  values[at(17, k - 1)] = Number.NaN;
  values[at(21, 0)] = Number.POSITIVE_INFINITY;
  return values;
}

type Product = 'matmul' | 'matmul_bt' | 'matmul_at';

/** @param extra Of b: columns (of bᵀ: rows and steps) beyond the product, all NaN. */
function operands(backend: Backend, product: Product, k: number, isSpecial: { a: boolean; b: boolean }, extra: number) {
  const make = (lines: number, isAlongRows: boolean, special: boolean, seed: number, more: number) => {
    const [rows, columns] = isAlongRows ? [lines, k] : [k, lines];
    const values = randomValues(rows * columns, seed);
    const at = (line: number, step: number) => (isAlongRows ? line * k + step : step * lines + line);
    if (special) withSpecials(values, k, at);
    const stride = columns + more;
    const wide = new Float32Array((rows + (isAlongRows ? more : 0)) * stride).fill(Number.NaN);
    for (let row = 0; row < rows; row++) wide.set(values.subarray(row * columns, (row + 1) * columns), row * stride);
    return backend.fromArray(wide, [wide.length / stride, stride], product);
  };
  return {
    a: make(M, product !== 'matmul_at', isSpecial.a, 1, 0),
    b: make(N, product === 'matmul_bt', isSpecial.b, 2, extra),
    output: backend.empty([M, N], 'output'),
  };
}

describe.skipIf(!twins).each(ADAPTERS)('values that are no numbers, by $name', ({ prefersWideTiles, variant }) => {
  const own = twins?.webgpu.context.prefersWideTiles;
  const adapt = () => Object.assign(twins!.webgpu.context, { prefersWideTiles, matmulVariant: variant });
  afterEach(() => {
    Object.assign(twins!.webgpu.context, { prefersWideTiles: own, matmulVariant: TILED });
  });

  describe.each(['matmul', 'matmul_bt', 'matmul_at'] as const)('%s', (product) => {
    it.each(STEPS)('are where the f64 twin has them after %i steps', async (k) => {
      adapt();
      for (const isSpecial of [
        { a: true, b: false },
        { a: false, b: true },
        { a: true, b: true },
      ]) {
        for (const extra of [0, 4]) {
          const [found, expected] = await twins!.run((backend) => {
            const args = operands(backend, product, k, isSpecial, extra);
            backend[product](args);
            return args.output;
          });
          expect(Array.from(expected).filter((value) => !Number.isFinite(value)).length).toBeGreaterThan(N);
          expect(Array.from(found, kind), JSON.stringify({ isSpecial, extra })).toEqual(Array.from(expected, kind));
        }
      }
    });
  });

  it.each(STEPS)('are where the f64 twin has them in a covariance of %i rows', async (rows) => {
    adapt();
    const n = 64;
    const [found, expected] = await twins!.run((backend) => {
      const values = withSpecials(randomValues(rows * n, 3), rows, (line, step) => step * n + line);
      const covariance = backend.empty([n, n], 'covariance');
      backend.covariance({ hidden_states: backend.fromArray(values, [rows, n], 'hidden_states'), covariance });
      return covariance;
    });
    expect(Array.from(found, kind)).toEqual(Array.from(expected, kind));
  });
});
