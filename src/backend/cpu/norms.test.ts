/** @file The CPU twins of norms and centring, against formulas written out here and against PyTorch. */
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

async function expectClose(found: Tensor, expected: ArrayLike<number>, digits = 13): Promise<void> {
  const values = await backend.read(found);
  expect(values.length).toBe(expected.length);
  for (let i = 0; i < values.length; i++) expect(values[i]).toBeCloseTo(expected[i], digits);
}

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

  it('adds a bias behind the weight', async () => {
    const [x, weight, bias] = [random(10, 3), random(5, 4), random(5, 5)];
    const output = backend.empty([2, 5], 'output');
    const args = { hidden_states: tensor(x, 2, 5), weight: vector(weight), bias: vector(bias), output };
    backend.rms_norm({ ...args, eps: 1e-6, normalized_size: 5 });
    const expected = x.map((value, at) => {
      const row = x.slice(at - (at % 5), at - (at % 5) + 5);
      return (value * weight[at % 5]) / Math.hypot(...row, Math.sqrt(5e-6)) / Math.sqrt(1 / 5) + bias[at % 5];
    });
    await expectClose(output, expected);
  });

  it('norms each head of a row by itself, with one weight for all', async () => {
    const [rows, heads, width] = [3, 4, 6];
    const [x, weight] = [random(rows * heads * width, 6), random(width, 7)];
    const output = backend.empty([rows, heads * width], 'output');
    const hidden_states = tensor(x, rows, heads * width);
    backend.rms_norm({ hidden_states, weight: vector(weight), eps: 1e-6, normalized_size: width, width, output });
    // The same numbers as rows of their own.
    const apart = backend.empty([rows * heads, width], 'apart');
    const args = { hidden_states: tensor(x, rows * heads, width), weight: vector(weight), output: apart };
    backend.rms_norm({ ...args, eps: 1e-6, normalized_size: width });
    expect([...(await backend.read(output))]).toEqual([...(await backend.read(apart))]);
    const [first, second] = [x.slice(0, width), x.slice(width, 2 * width)];
    const found = await backend.read(output);
    const size = (head: number[]) => Math.sqrt(head.reduce((sum, y) => sum + y * y, 0) / width + 1e-6);
    expect(found[0]).toBeCloseTo((first[0] / size(first)) * weight[0], 13);
    expect(found[width]).toBeCloseTo((second[0] / size(second)) * weight[0], 13);
  });
});

describe('layer_norm', () => {
  it('agrees with torch.nn.functional.layer_norm, also where the mean is far above the deviation', async () => {
    const x = [1, 2, 4, -3, 1000.25, 1001.5, 998.75, 999, 0.5, 0.5, 0.5, 0.5];
    const output = backend.empty([3, 4], 'output');
    const parts = { weight: vector([1, -2, 0.5, 3]), bias: vector([0.1, 0.2, -0.3, 0]) };
    backend.layer_norm({ hidden_states: tensor(x, 3, 4), ...parts, eps: 1e-5, output });
    const torch = [
      [0.1, -0.5844639371191704, 0.2883479528393779, -4.706783622715023],
      [0.441880308580586, -2.762962674365079, -0.8128204628708791, -2.3931621600641027],
      [0.1, 0.2, -0.3, 0],
    ];
    await expectClose(output, torch.flat(), 11);
  });

  it('gives rows of mean 0 and deviation 1 without weight and bias, whatever their place and size', async () => {
    const [rows, d] = [4, 33];
    const x = random(rows * d, 8).map((value, at) => value * 10 ** Math.floor(at / d) + 1000);
    const output = backend.empty([rows, d], 'output');
    backend.layer_norm({ hidden_states: tensor(x, rows, d), eps: 0, output });
    const found = await backend.read(output);
    for (let row = 0; row < rows; row++) {
      const line = [...found.subarray(row * d, (row + 1) * d)];
      expect(line.reduce((sum, y) => sum + y, 0) / d).toBeCloseTo(0, 11);
      expect(line.reduce((sum, y) => sum + y * y, 0) / d).toBeCloseTo(1, 11);
      // Affine in the input.
      const [a, b, c] = x.slice(row * d, row * d + 3);
      expect((line[1] - line[0]) / (line[2] - line[0])).toBeCloseTo((b - a) / (c - a), 9);
    }
  });
});

describe('centring', () => {
  it('centres rows', async () => {
    const hidden_states = tensor([1, 2, 6, -1, -1, -1], 2, 3);
    backend.center_rows({ hidden_states });
    await expectClose(hidden_states, [-2, -1, 3, 0, 0, 0]);
  });

  it('centres columns', async () => {
    const weight = tensor([1, -1, 2, -1, 6, -1], 3, 2);
    backend.center_columns({ weight });
    await expectClose(weight, [-2, 0, -1, 0, 3, 0]);
  });

  it('of the columns of a weight makes a linear write centred states', async () => {
    const [rows, n] = [5, 3];
    const x = random(rows * n, 9);
    const weight = tensor(x, rows, n);
    backend.center_columns({ weight });
    const input = random(2 * n, 10);
    const output = backend.empty([2, rows], 'output');
    backend.matmul_bt({ a: tensor(input, 2, n), b: weight, output });
    const plain = backend.empty([2, rows], 'plain');
    backend.matmul_bt({ a: tensor(input, 2, n), b: tensor(x, rows, n), output: plain });
    backend.center_rows({ hidden_states: plain });
    await expectClose(output, await backend.read(plain));
  });
});
