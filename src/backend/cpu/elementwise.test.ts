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

  it('scales in place, vectors too', async () => {
    const hidden_states = vector([1, -2, 0.5]);
    backend.scale({ hidden_states, factor: -4 });
    await expectClose(hidden_states, [-4, 8, -2]);
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
