/** @file Whittle's matrix products on any backend, and the operands that all of them are given. */
import type { Backend } from '../backend/backend.ts';
import { randomNumbers } from '../backend/matrix_families.ts';
import type { MatmulShape } from './figures.ts';
import { medianMs } from './timing.ts';

/** The same for everybody who multiplies this shape. */
export function operands({ m, k, n }: MatmulShape): { a: Float32Array; b: Float32Array } {
  const uniform = randomNumbers(m + k + n);
  const a = Float32Array.from({ length: m * k }, () => uniform() - 0.5);
  const b = Float32Array.from({ length: k * n }, () => uniform() - 0.5);
  return { a, b };
}

/** Milliseconds of a·b and of a·bᵀ, operands and result on the device, and the first product. */
export async function ownMatmul(
  backend: Backend,
  { m, k, n }: MatmulShape,
  { a, b }: ReturnType<typeof operands>,
  budgetMs?: number,
) {
  const left = backend.fromArray(a, [m, k], 'a');
  const output = backend.empty([m, n], 'product');
  /** One right operand at a time, for memory. Which numbers stand where does not matter to the time. */
  const time = async (kernel: 'matmul' | 'matmul_bt', shape: [number, number]) => {
    const right = backend.fromArray(b, shape, 'b');
    try {
      return await medianMs(
        () => backend[kernel]({ a: left, b: right, output }),
        () => backend.sync(),
        budgetMs,
      );
    } finally {
      right.dispose();
    }
  };
  try {
    const bt_ms = await time('matmul_bt', [n, k]);
    const ms = await time('matmul', [k, n]);
    return { ms, bt_ms, product: Float32Array.from(await backend.read(output)) };
  } finally {
    left.dispose();
    output.dispose();
  }
}

/** As a share of the largest element. */
export function largestDifference(own: ArrayLike<number>, other: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < own.length; i++) {
    difference = Math.max(difference, Math.abs(own[i] - other[i]));
    largest = Math.max(largest, Math.abs(own[i]));
  }
  return difference / largest;
}
