/** @file The CPU twins of attention and of the rotary embedding, against a direct softmax and complex numbers. */
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

function sum(count: number, term: (p: number) => number): number {
  let total = 0;
  for (let p = 0; p < count; p++) total += term(p);
  return total;
}

interface Sizes {
  batch: number;
  seqlen: number;
  heads: number;
  kv_heads: number;
  head_dim: number;
  scale: number;
  window?: number;
  soft_cap?: number;
  slopes?: number[];
}

/** Softmax over the visible keys, written out: no blocks, no shared buffers. */
function directAttention(
  query: Float64Array,
  key: Float64Array,
  value: Float64Array,
  { batch, seqlen, heads, kv_heads, head_dim, scale, window, soft_cap, slopes }: Sizes,
): Float64Array {
  const output = new Float64Array(query.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kv = Math.floor((h * kv_heads) / heads);
      const q = (t: number, i: number) => query[((b * seqlen + t) * heads + h) * head_dim + i];
      const k = (t: number, i: number) => key[((b * seqlen + t) * kv_heads + kv) * head_dim + i];
      const v = (t: number, i: number) => value[((b * seqlen + t) * kv_heads + kv) * head_dim + i];
      for (let t = 0; t < seqlen; t++) {
        const weights = Array.from({ length: t + 1 }, (_, s) => {
          if (window !== undefined && t - s >= window) return 0;
          let score = scale * sum(head_dim, (i) => q(t, i) * k(s, i));
          if (soft_cap !== undefined) score = soft_cap * Math.tanh(score / soft_cap);
          if (slopes !== undefined) score -= slopes[h] * (t - s);
          return Math.exp(score);
        });
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
  it.each<Sizes>([
    { batch: 1, seqlen: 1, heads: 1, kv_heads: 1, head_dim: 1, scale: 1 },
    { batch: 2, seqlen: 7, heads: 4, kv_heads: 2, head_dim: 6, scale: 0.4 },
    { batch: 1, seqlen: 33, heads: 3, kv_heads: 3, head_dim: 5, scale: 3 },
    { batch: 3, seqlen: 70, heads: 6, kv_heads: 1, head_dim: 8, scale: 0.35 },
    { batch: 2, seqlen: 9, heads: 2, kv_heads: 1, head_dim: 3, scale: 2, window: 1 },
    { batch: 2, seqlen: 70, heads: 2, kv_heads: 1, head_dim: 3, scale: 2, window: 5 },
    { batch: 1, seqlen: 9, heads: 2, kv_heads: 1, head_dim: 3, scale: 2, window: 40 },
    { batch: 1, seqlen: 9, heads: 2, kv_heads: 2, head_dim: 3, scale: 20, soft_cap: 1.5 },
    { batch: 2, seqlen: 70, heads: 2, kv_heads: 1, head_dim: 3, scale: 2, slopes: [0.5, 0.0625] },
    { batch: 2, seqlen: 70, heads: 2, kv_heads: 1, head_dim: 3, scale: 9, window: 11, soft_cap: 3, slopes: [0.5, 1] },
  ])('agrees with a direct causal softmax: %o', async (sizes) => {
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
      slopes: sizes.slopes && backend.fromArray(sizes.slopes, [heads], 'slopes'),
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

describe('rotary', () => {
  it.each([
    ['all of a head', 6],
    ['its leading part only', 4],
  ])('turns %s as a complex number by the angle of its position', async (_, dim) => {
    const [seqlen, heads, head_dim] = [3, 2, 6];
    const half = dim / 2;
    const angle = (position: number, i: number) => position * 10 ** (-i / half);
    const table = (f: (x: number) => number) =>
      backend.fromArray(
        Array.from({ length: 4 * half }, (_, at) => f(angle(Math.floor(at / half), at % half))),
        [4, half],
        'table',
      );
    const x = random(2 * seqlen * heads * head_dim, 3);
    const states = backend.fromArray(x, [2 * seqlen, heads * head_dim], 'states');
    backend.rotary({ states, cos: table(Math.cos), sin: table(Math.sin), seqlen, heads, head_dim });
    const expected = x.map((value, at) => {
      const i = at % head_dim;
      if (i >= dim) return value;
      const theta = angle(Math.floor(at / (heads * head_dim)) % seqlen, i % half);
      return i < half
        ? value * Math.cos(theta) - x[at + half] * Math.sin(theta)
        : value * Math.cos(theta) + x[at - half] * Math.sin(theta);
    });
    await expectClose(states, expected, 1e-14);
  });

  it('turns neighbours where they are interleaved, as a permutation of the columns does', async () => {
    const [seqlen, heads, head_dim, half] = [3, 2, 6, 2];
    const angles = random(seqlen * half, 10);
    const cos = backend.fromArray(angles.map(Math.cos), [seqlen, half], 'cos');
    const sin = backend.fromArray(angles.map(Math.sin), [seqlen, half], 'sin');
    const x = random(seqlen * heads * head_dim, 11);
    // Where element i of an interleaved head stands in a head of halves: 0 1 2 3 | 4 5 → 0 2 1 3 | 4 5.
    const place = [0, 2, 1, 3, 4, 5];
    const at = (i: number) => i - (i % head_dim) + place[i % head_dim];
    const halves = Float64Array.from(x, (_, i) => x[at(i)]); // the permutation is its own inverse
    const shape = [seqlen, heads * head_dim];
    const states = backend.fromArray(x, shape, 'states');
    const permuted = backend.fromArray(halves, shape, 'permuted');
    backend.rotary({ states, cos, sin, seqlen, heads, head_dim, interleaved: true });
    backend.rotary({ states: permuted, cos, sin, seqlen, heads, head_dim });
    const expected = await backend.read(permuted);
    await expectClose(
      states,
      Float64Array.from(expected, (_, i) => expected[at(i)]),
      1e-15,
    );
    const c = Math.cos(angles[1]);
    const s = Math.sin(angles[1]);
    const found = await backend.read(states);
    expect(found[2]).toBeCloseTo(x[2] * c - x[3] * s, 14);
    expect(found[3]).toBeCloseTo(x[3] * c + x[2] * s, 14);
  });
});
