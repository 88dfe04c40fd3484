/** @file The CPU twins that work row by row or element by element, against formulas written out here. */
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../backend.ts';
import { randomNumbers } from '../matrix_families.ts';
import { createCpuBackend } from './cpu_backend.ts';

const backend = createCpuBackend();

function random(count: number, seed: number): number[] {
  const uniform = randomNumbers(seed);
  return Array.from({ length: count }, () => 4 * uniform() - 2);
}

function tensor(values: ArrayLike<number>, rows: number, columns: number): Tensor {
  return backend.fromArray(values, [rows, columns], 'test');
}

function vector(values: ArrayLike<number>): Tensor {
  return backend.fromArray(values, [values.length], 'test vector');
}

async function expectClose(found: Tensor, expected: ArrayLike<number>): Promise<void> {
  const values = await backend.read(found);
  expect(values.length).toBe(expected.length);
  for (let i = 0; i < values.length; i++) expect(values[i]).toBeCloseTo(expected[i], 13);
}

describe('embedding', () => {
  it('copies the rows of this part of the table and leaves the others', async () => {
    const output = tensor([1, 1, 2, 2, 3, 3, 4, 4], 4, 2);
    backend.embedding({
      input_ids: backend.fromIds([5, 6, 7, 4], 'ids'),
      weight: tensor([50, 51, 60, 61], 2, 2),
      first_row: 5,
      output,
    });
    await expectClose(output, [50, 51, 60, 61, 3, 3, 4, 4]);
  });
});

describe('rms_norm', () => {
  it.each([1, 5])('divides by the original size, also when sliced to %i columns', async (d) => {
    const x = random(3 * d, 1);
    const weight = random(d, 2);
    const output = backend.empty([3, d], 'output');
    backend.rms_norm({ hidden_states: tensor(x, 3, d), weight: vector(weight), eps: 1e-3, normalized_size: 8, output });
    const expected = x.map((value, at) => {
      const row = x.slice(Math.floor(at / d) * d, Math.floor(at / d) * d + d);
      return (value * weight[at % d]) / Math.sqrt(row.reduce((sum, y) => sum + y * y, 0) / 8 + 1e-3);
    });
    await expectClose(output, expected);
  });

  it('takes an absent weight as ones and keeps a row of zeros', async () => {
    const output = backend.empty([2, 2], 'output');
    backend.rms_norm({ hidden_states: tensor([3, 4, 0, 0], 2, 2), eps: 1e-9, normalized_size: 1, output });
    await expectClose(
      output,
      [0.6, 0.8, 0, 0].map((value) => value / Math.sqrt(1 + 4e-11)),
    );
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
      tensor(
        Array.from({ length: 4 * half }, (_, at) => f(angle(Math.floor(at / half), at % half))),
        4,
        half,
      );
    const x = random(2 * seqlen * heads * head_dim, 3);
    const states = tensor(x, 2 * seqlen, heads * head_dim);
    backend.rotary({ states, cos: table(Math.cos), sin: table(Math.sin), seqlen, heads, head_dim });
    const expected = x.map((value, at) => {
      const i = at % head_dim;
      if (i >= dim) return value;
      const theta = angle(Math.floor(at / (heads * head_dim)) % seqlen, i % half);
      return i < half
        ? value * Math.cos(theta) - x[at + half] * Math.sin(theta)
        : value * Math.cos(theta) + x[at - half] * Math.sin(theta);
    });
    await expectClose(states, expected);
  });
});

describe('swiglu', () => {
  it('is gate·sigmoid(gate)·up and does not overflow', async () => {
    const gate = [-1000, -1, 0, 2, 1000];
    const up = [3, 4, 5, -6, 7];
    const output = backend.empty([1, 5], 'output');
    backend.swiglu({ gate: tensor(gate, 1, 5), up: tensor(up, 1, 5), output });
    await expectClose(output, [0, -4 / (1 + Math.E), 0, -12 / (1 + Math.exp(-2)), 7000]);
  });
});

describe('sums and scales', () => {
  it('adds, in place too', async () => {
    const a = tensor([1, 2, 3], 1, 3);
    backend.add({ a, b: tensor([10, 20, 30], 1, 3), output: a });
    await expectClose(a, [11, 22, 33]);
  });

  it('adds a bias to each row', async () => {
    const hidden_states = tensor([1, 2, 3, 4], 2, 2);
    backend.add_bias({ hidden_states, bias: vector([10, 20]) });
    await expectClose(hidden_states, [11, 22, 13, 24]);
  });

  it('scales columns', async () => {
    const output = backend.empty([2, 2], 'output');
    backend.scale_columns({ weight: tensor([1, 2, 3, 4], 2, 2), scale: tensor([10, 100], 1, 2), output });
    await expectClose(output, [10, 200, 30, 400]);
  });

  it('centres rows', async () => {
    const hidden_states = tensor([1, 2, 6, -1, -1, -1], 2, 3);
    backend.center_rows({ hidden_states });
    await expectClose(hidden_states, [-2, -1, 3, 0, 0, 0]);
  });
});

describe('cross_entropy', () => {
  it.each([[11], [4, 7], [1, 9, 1], [5, 5, 1]])(
    'gives the same loss in blocks of the vocabulary: %s',
    async (...blocks) => {
      const [rows, vocabulary] = [6, 11];
      const logits = random(rows * vocabulary, 4).map((value) => value * 50);
      const targets = [0, 3, 4, 9, 10, 5];
      const state = tensor(random(rows * 4, 5), rows, 4); // old contents must not matter
      let first_column = 0;
      for (const n of blocks) {
        const block = Array.from(
          { length: rows * n },
          (_, at) => logits[Math.floor(at / n) * vocabulary + first_column + (at % n)],
        );
        backend.cross_entropy({
          logits: tensor(block, rows, n),
          target_ids: backend.fromIds(targets, 'targets'),
          first_column,
          state,
        });
        first_column += n;
      }
      const found = await backend.read(state);
      for (let row = 0; row < rows; row++) {
        const line = logits.slice(row * vocabulary, (row + 1) * vocabulary);
        const top = Math.max(...line);
        const loss = Math.log(line.reduce((sum, x) => sum + Math.exp(x - top), 0)) + top - line[targets[row]];
        const [maximum, sum, target] = found.subarray(row * 4, row * 4 + 3);
        expect(maximum).toBe(top);
        expect(Math.log(sum) + maximum - target).toBeCloseTo(loss, 12);
      }
    },
  );
});

describe('count_non_finite', () => {
  it('adds to the counter it is given', async () => {
    const counts = backend.fromIds([100, 200], 'counts');
    const values = [Number.NaN, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, 0];
    backend.count_non_finite({ tensor: tensor(values, 2, 3), counts, index: 1 });
    expect([...(await backend.read(counts))]).toEqual([100, 203]);
  });
});
