/** A new tensor is zero at its first use, whatever lay in its place; what writes all of it finds no difference. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend, Tensor } from '../backend.ts';
import { createCpuBackend } from '../cpu/cpu_backend.ts';
import { normalisedError, randomValues } from '../testing.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

const BACKENDS: [name: string, backend: Backend][] = [
  ['arrays of its own', createWasmBackend()],
  ['shared memory', createWasmBackend(await createNodeCrew(1))],
];
const reference = createCpuBackend();
afterAll(() => {
  for (const [, backend] of BACKENDS) backend.dispose();
});

const [ROWS, COLUMNS, DEPTH] = [36, 24, 40];
const SHAPE = [ROWS, COLUMNS];

/** In a place that holds NaN, where the backend takes places again. */
function soiled(backend: Backend): Tensor {
  backend.fromArray(new Float32Array(ROWS * COLUMNS).fill(Number.NaN), SHAPE, 'before').dispose();
  return backend.empty(SHAPE, 'output');
}

describe.each(BACKENDS)('with %s', (_, backend) => {
  const tensor = (b: Backend, shape: number[], seed: number) =>
    b.fromArray(randomValues(shape[0] * shape[1], seed), shape, `seed ${seed}`);

  it('is read as zeros', async () => {
    expect(await backend.read(soiled(backend))).toEqual(new Float32Array(ROWS * COLUMNS));
    // The experiment can fail: what is written is there.
    const written = soiled(backend);
    backend.copy(tensor(backend, SHAPE, 1), written);
    expect(await backend.read(written)).toEqual(randomValues(ROWS * COLUMNS, 1));
  });

  it('is zero where only a part of it is written, or read, first', async () => {
    const output = soiled(backend);
    backend.write_rows({ source: tensor(backend, [2, COLUMNS], 2), output, first_row: 3 });
    const expected = new Float32Array(ROWS * COLUMNS);
    expected.set(randomValues(2 * COLUMNS, 2), 3 * COLUMNS);
    expect(await backend.read(output)).toEqual(expected);

    const copy = soiled(backend);
    backend.copy(soiled(backend), copy);
    expect(await backend.read(copy)).toEqual(new Float32Array(ROWS * COLUMNS));
  });

  const cases: Record<string, (b: Backend, output: Tensor) => void> = {
    'a product': (b, output) => b.matmul({ a: tensor(b, [ROWS, DEPTH], 1), b: tensor(b, [DEPTH, COLUMNS], 2), output }),
    'a product of a transposed one': (b, output) =>
      b.matmul_at({ a: tensor(b, [DEPTH, ROWS], 1), b: tensor(b, [DEPTH, COLUMNS], 2), output }),
    'a product that is added': (b, output) =>
      b.matmul_bt({ a: tensor(b, [ROWS, DEPTH], 1), b: tensor(b, [COLUMNS, DEPTH], 2), output, accumulate: true }),
    'a gate': (b, output) => b.glu({ activation: 'silu', gate: tensor(b, SHAPE, 1), up: tensor(b, SHAPE, 2), output }),
    'an activation': (b, output) => b.activation({ activation: 'gelu', hidden_states: tensor(b, SHAPE, 1), output }),
    attention: (b, output) =>
      b.attention({
        ...{ query: tensor(b, SHAPE, 1), key: tensor(b, SHAPE, 2), value: tensor(b, SHAPE, 3), output },
        ...{ seqlen: 12, heads: 3, kv_heads: 3, head_dim: 8, scale: 0.3 },
      }),
  };
  it.each(Object.keys(cases))('takes %s as if it had been cleared', async (name) => {
    const [output, expected] = [soiled(backend), reference.empty(SHAPE, 'output')];
    cases[name](backend, output);
    cases[name](reference, expected);
    expect(normalisedError(await backend.read(output), await reference.read(expected))).toBeLessThan(1e-12);
  });

  it('takes a covariance as a sum from zero on', async () => {
    const covariances = [backend, reference].map(async (b) => {
      b.fromArray(new Float32Array(COLUMNS ** 2).fill(Number.NaN), [COLUMNS, COLUMNS], 'before').dispose();
      const covariance = b.empty([COLUMNS, COLUMNS], 'covariance');
      b.covariance({ hidden_states: tensor(b, SHAPE, 4), covariance });
      return b.read(covariance);
    });
    const [found, expected] = await Promise.all(covariances);
    expect(normalisedError(found, expected)).toBeLessThan(1e-12);
  });
});
