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
  ['shared memory, codes as bytes', createWasmBackend(await createNodeCrew(1), undefined, true)],
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

  const { pack, packSparse } = backend;
  const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => (37 * i) % 256);
  const kept: [name: string, make: () => Tensor | undefined][] = [
    ...[2, 4, 8].map((bits): [string, () => Tensor | undefined] => [
      `codes of ${bits} bits`,
      () => {
        const [rows, columns] = [COLUMNS, 96];
        const scales = new Uint8Array(new Uint16Array((rows * columns) / 32).fill(0x3400).buffer);
        const codes = bytes((rows * columns * bits) / 8);
        const matrix = {
          ...{ bits, group: 32, rows, columns, codes, scales },
          zero: 'symmetric',
          scale: 'F16',
        } as const;
        return pack?.({ ...matrix, bits: bits as 2 | 4 | 8 }, 'codes');
      },
    ]),
    [
      'two of four',
      () => {
        const [rows, columns] = [COLUMNS, 96];
        const values = new Uint8Array(randomValues((rows * columns) / 2, 5).buffer);
        const places = new Uint8Array((rows * columns) / 8).fill(0b0100_0100);
        return packSparse?.({ rows, columns, floats: 'F32', values, places }, 'sparse');
      },
    ],
  ];
  it.skipIf(!pack).each(kept)('takes products by %s as if it had been cleared', async (_, make) => {
    const b = make();
    if (!b) throw new Error('it is not kept as it is');
    for (const accumulate of [false, true]) {
      const a = tensor(backend, [ROWS, 96], 1);
      const [output, cleared] = [soiled(backend), backend.fromArray(new Float32Array(ROWS * COLUMNS), SHAPE, 'zeros')];
      for (const place of [output, cleared]) backend.matmul_bt({ a, b, output: place, accumulate });
      expect(await backend.read(output)).toEqual(await backend.read(cleared));
      expect((await backend.read(output)).every(Number.isFinite)).toBe(true);
    }
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
