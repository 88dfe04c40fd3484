import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../backend.ts';
import { maxAbsDifference, openTwins, randomIds, randomValues } from '../../testing.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

const SHAPES = [
  [1, 1],
  [7, 13],
  [9, 64],
  [70, 67], // more than one workgroup in every grid
] as const;

function matrix(backend: Backend, rows: number, d: number, seed: number, size = 1) {
  return backend.fromArray(
    randomValues(rows * d, seed).map((x) => size * x),
    [rows, d],
    `matrix ${seed}`,
  );
}

describe.skipIf(!twins)('elementwise kernels against their f64 twins', () => {
  it.each(SHAPES)('add and add_in_place (%i, %i)', async (rows, d) => {
    for (const isInPlace of [false, true]) {
      const [found, expected] = await twins!.run((backend) => {
        const a = matrix(backend, rows, d, 1);
        const output = isInPlace ? a : backend.empty([rows, d], 'output');
        backend.add({ a, b: matrix(backend, rows, d, 2), output });
        return output;
      });
      expect([...twins!.kernels]).toEqual([isInPlace ? 'add_in_place' : 'add']);
      expect(maxAbsDifference(found, expected)).toBeLessThan(1.2e-7); // one rounding of a number below 2
    }
  });

  it.each(SHAPES)('add_bias (%i, %i)', async (rows, d) => {
    const [found, expected] = await twins!.run((backend) => {
      const hidden_states = matrix(backend, rows, d, 3);
      backend.add_bias({ hidden_states, bias: backend.fromArray(randomValues(d, 4), [d], 'bias') });
      return hidden_states;
    });
    expect(maxAbsDifference(found, expected)).toBeLessThan(1.2e-7);
  });

  it.each(SHAPES)('scale_columns (%i, %i)', async (rows, d) => {
    const [found, expected] = await twins!.run((backend) => {
      const output = backend.empty([rows, d], 'output');
      const scale = backend.fromArray(randomValues(d, 6), [d], 'scale');
      backend.scale_columns({ weight: matrix(backend, rows, d, 5), scale, output });
      return output;
    });
    expect(maxAbsDifference(found, expected)).toBeLessThan(6e-8); // one rounding of a number below 1
  });

  it.each(SHAPES)('scale (%i, %i)', async (rows, d) => {
    const [found, expected] = await twins!.run((backend) => {
      const hidden_states = matrix(backend, rows, d, 7);
      backend.scale({ hidden_states, factor: 1.5 });
      return hidden_states;
    });
    expect([...twins!.kernels]).toEqual(['scale']);
    expect(maxAbsDifference(found, expected)).toBeLessThan(1.2e-7); // one rounding of a number below 2
  });

  it.each(SHAPES)('embedding of a table of (%i, %i) in two parts', async (vocab_size, d) => {
    const ids = randomIds(11, vocab_size + 1, 9); // one token more than the table has: its row keeps what it held
    const split = Math.ceil(vocab_size / 2);
    const [found, expected] = await twins!.run((backend) => {
      const output = matrix(backend, ids.length, d, 10);
      const input_ids = backend.fromIds(ids, 'input_ids');
      const parts = [
        { first_row: 0, rows: split },
        { first_row: split, rows: vocab_size - split },
      ];
      for (const { first_row, rows } of parts) {
        if (rows === 0) continue;
        const table = randomValues(vocab_size * d, 11).slice(first_row * d, (first_row + rows) * d);
        backend.embedding({ input_ids, weight: backend.fromArray(table, [rows, d], 'table'), first_row, output });
      }
      return output;
    });
    expect(maxAbsDifference(found, expected)).toBe(0);
  });
});
