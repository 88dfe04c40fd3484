/** @file The CPU twins that multiply matrices, against loops written here, and attention against a direct softmax. */
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

/** Softmax over the visible keys, written out: no blocks, no shared buffers. */
function directAttention(
  query: Float64Array,
  key: Float64Array,
  value: Float64Array,
  { batch, seqlen, heads, kv_heads, head_dim, scale }: Record<string, number>,
): Float64Array {
  const output = new Float64Array(query.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kv = Math.floor((h * kv_heads) / heads);
      const q = (t: number, i: number) => query[((b * seqlen + t) * heads + h) * head_dim + i];
      const k = (t: number, i: number) => key[((b * seqlen + t) * kv_heads + kv) * head_dim + i];
      const v = (t: number, i: number) => value[((b * seqlen + t) * kv_heads + kv) * head_dim + i];
      for (let t = 0; t < seqlen; t++) {
        const weights = Array.from({ length: t + 1 }, (_, s) =>
          Math.exp(scale * sum(head_dim, (i) => q(t, i) * k(s, i))),
        );
        const total = weights.reduce((a, w) => a + w, 0);
        for (let i = 0; i < head_dim; i++) {
          output[((b * seqlen + t) * heads + h) * head_dim + i] = sum(t + 1, (s) => weights[s] * v(s, i)) / total;
        }
      }
    }
  }
  return output;
}

describe('attention', () => {
  it.each([
    { batch: 1, seqlen: 1, heads: 1, kv_heads: 1, head_dim: 1, scale: 1 },
    { batch: 2, seqlen: 7, heads: 4, kv_heads: 2, head_dim: 6, scale: 0.4 },
    { batch: 1, seqlen: 33, heads: 3, kv_heads: 3, head_dim: 5, scale: 3 },
    { batch: 3, seqlen: 70, heads: 6, kv_heads: 1, head_dim: 8, scale: 0.35 },
  ])('agrees with a direct causal softmax: $batch × $seqlen, $heads heads on $kv_heads', async (sizes) => {
    const { batch, seqlen, heads, kv_heads, head_dim } = sizes;
    const rows = batch * seqlen;
    const query = random(rows * heads * head_dim, 6);
    const key = random(rows * kv_heads * head_dim, 7);
    const value = random(rows * kv_heads * head_dim, 8);
    const output = backend.fromArray(random(query.length, 9), [rows, heads * head_dim], 'output');
    backend.attention({
      query: backend.fromArray(query, [rows, heads * head_dim], 'query'),
      key: backend.fromArray(key, [rows, kv_heads * head_dim], 'key'),
      value: backend.fromArray(value, [rows, kv_heads * head_dim], 'value'),
      output,
      ...sizes,
    });
    await expectClose(output, directAttention(query, key, value, sizes), 1e-14);
  });

  it('takes scores far beyond the range of exp', async () => {
    const tensor = (values: number[], label: string) => backend.fromArray(values, [2, 1], label);
    const output = backend.empty([2, 1], 'output');
    backend.attention({
      query: tensor([1e4, 1e4], 'query'),
      key: tensor([1, 0.5], 'key'),
      value: tensor([3, 5], 'value'),
      output,
      seqlen: 2,
      heads: 1,
      kv_heads: 1,
      head_dim: 1,
      scale: 1,
    });
    expect([...(await backend.read(output))]).toEqual([3, 3]);
  });
});
