/** @file The CPU twins that multiply matrices, against loops written here. */
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../backend.ts';
import { randomNumbers } from '../matrix_families.ts';
import { createCpuBackend } from './cpu_backend.ts';

const backend = createCpuBackend();

function random(count: number, seed: number): Float64Array {
  const uniform = randomNumbers(seed);
  return Float64Array.from({ length: count }, () => uniform() - 0.5);
}

async function expectClose(tensor: Tensor, expected: ArrayLike<number>, bound = 1e-13): Promise<void> {
  const found = await backend.read(tensor);
  expect(found.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < found.length; i++) worst = Math.max(worst, Math.abs(found[i] - expected[i]));
  expect(worst).toBeLessThan(bound);
}

/** (m, n) from an element function. */
function matrixOf(m: number, n: number, element: (i: number, j: number) => number): Float64Array {
  return Float64Array.from({ length: m * n }, (_, at) => element(Math.floor(at / n), at % n));
}

function sum(count: number, term: (p: number) => number): number {
  let total = 0;
  for (let p = 0; p < count; p++) total += term(p);
  return total;
}

/** m, n, k, then how much larger the operands are than their use. */
const SHAPES = [
  [1, 1, 1, 0],
  [7, 13, 5, 0],
  [4, 9, 6, 3],
  [65, 70, 66, 2],
] as const;

describe('products', () => {
  it.each(SHAPES)('matmul: (%i, %i) from k = %i, b wider by %i', async (m, n, k, extra) => {
    const a = random(m * k, 1);
    const b = random(k * (n + extra), 2);
    const output = backend.fromArray(random(m * n, 3), [m, n], 'output');
    backend.matmul({
      a: backend.fromArray(a, [m, k], 'a'),
      b: backend.fromArray(b, [k, n + extra], 'b'),
      output,
    });
    await expectClose(
      output,
      matrixOf(m, n, (i, j) => sum(k, (p) => a[i * k + p] * b[p * (n + extra) + j])),
    );
  });

  it.each(SHAPES)('matmul_bt: (%i, %i) from k = %i, b longer and wider by %i', async (m, n, k, extra) => {
    const a = random(m * k, 1);
    const b = random((n + extra) * (k + extra), 2);
    const output = backend.fromArray(random(m * n, 3), [m, n], 'output');
    backend.matmul_bt({
      a: backend.fromArray(a, [m, k], 'a'),
      b: backend.fromArray(b, [n + extra, k + extra], 'b'),
      output,
    });
    await expectClose(
      output,
      matrixOf(m, n, (i, j) => sum(k, (p) => a[i * k + p] * b[j * (k + extra) + p])),
    );
  });

  it.each(SHAPES)('matmul_at: (%i, %i) from k = %i, both wider by %i', async (m, n, k, extra) => {
    const a = random(k * (m + extra), 1);
    const b = random(k * (n + extra), 2);
    const output = backend.fromArray(random(m * n, 3), [m, n], 'output');
    backend.matmul_at({
      a: backend.fromArray(a, [k, m + extra], 'a'),
      b: backend.fromArray(b, [k, n + extra], 'b'),
      output,
    });
    await expectClose(
      output,
      matrixOf(m, n, (i, j) => sum(k, (p) => a[p * (m + extra) + i] * b[p * (n + extra) + j])),
    );
  });

  it.each([
    [1, 1],
    [9, 5],
    [300, 67],
  ])('covariance: adds XᵀX of %i rows to the upper triangle of (%i)², keeps the lower', async (rows, n) => {
    const x = random(rows * n, 4);
    const before = random(n * n, 5);
    const covariance = backend.fromArray(before, [n, n], 'covariance');
    const hidden_states = backend.fromArray(x, [rows, n], 'hidden_states');
    backend.covariance({ hidden_states, covariance });
    await expectClose(
      covariance,
      matrixOf(n, n, (i, j) => before[i * n + j] + (j < i ? 0 : sum(rows, (p) => x[p * n + i] * x[p * n + j]))),
    );
  });
});
