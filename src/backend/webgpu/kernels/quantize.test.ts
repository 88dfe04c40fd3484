/** @file The kernels that quantise what linears read, WGSL against their f64 twins. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../backend.ts';
import { createCpuBackend } from '../../cpu/cpu_backend.ts';
import { openTwins, randomValues } from '../../testing.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

const SHAPES = [
  [1, 1, 1],
  [2, 7, 13],
  [3, 10, 67],
  [2, 40, 200], // more columns than a workgroup has threads
] as const;

/** Columns of very different sizes, the 5th with outliers; the second row is zero. */
function states(rows: number, d: number): Float32Array {
  return randomValues(rows * d, 3).map((x, at) => (Math.floor(at / d) === 1 ? 0 : at % d === 5 ? 20 * x : x));
}

/** Largest difference; quotients near a half may round either way in f32: none of these seeds has one. */
function worst(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < expected.length; i++) most = Math.max(most, Math.abs(found[i] - expected[i]));
  return most;
}

const upload = (backend: Backend, rows: number, d: number) =>
  backend.fromArray(states(rows, d), [rows, d], 'hidden_states');

describe.skipIf(!twins)('against the f64 twin', () => {
  it.each(SHAPES)('quantize_rows: %i windows of %i rows of %i', async (windows, seqlen, d) => {
    const rows = windows * seqlen;
    for (const isKept of [false, true]) {
      const [found, expected] = await twins!.run((backend) => {
        const mask = Float32Array.from({ length: windows * d }, (_, at) => (at % 3 === 2 ? 1 : 0));
        const kept = isKept ? backend.fromArray(mask, [windows, d], 'kept') : undefined;
        const output = backend.empty([rows, d], 'output');
        backend.quantize_rows({ hidden_states: upload(backend, rows, d), levels: 127, kept, seqlen, output });
        return output;
      });
      expect([...twins!.kernels]).toEqual(['quantize_rows']);
      expect(worst(found, expected)).toBeLessThan(1e-5);
    }
  });

  it.each(SHAPES)('quantize_columns: %i windows of %i rows of %i', async (windows, seqlen, d) => {
    const rows = windows * seqlen;
    const [found, expected] = await twins!.run((backend) => {
      const scale = backend.fromArray(
        randomValues(d, 8).map((x) => 0.02 + 0.01 * x),
        [d],
        'scale',
      );
      const zero = backend.fromArray(
        randomValues(d, 9).map((x) => Math.round(60 + 50 * x)),
        [d],
        'zero',
      );
      const output = backend.empty([rows, d], 'output');
      backend.quantize_columns({ hidden_states: upload(backend, rows, d), scale, zero, levels: 127, output });
      return output;
    });
    expect([...twins!.kernels]).toEqual(['quantize_columns']);
    expect(worst(found, expected)).toBeLessThan(1e-5);
  });

  it.each(SHAPES)('outlier_columns: %i windows of %i rows of %i', async (windows, seqlen, d) => {
    const [found, expected] = await twins!.run((backend) => {
      const output = backend.empty([windows, d], 'output');
      backend.outlier_columns({ hidden_states: upload(backend, windows * seqlen, d), threshold: 0.97, seqlen, output });
      return output;
    });
    expect([...twins!.kernels]).toEqual(['outlier_columns']);
    expect(Array.from(found)).toEqual(Array.from(expected));
  });
});

describe('what the twins compute', () => {
  const backend = createCpuBackend();
  const tensor = (values: number[], columns: number) =>
    backend.fromArray(Float32Array.from(values), [values.length / columns, columns], 'x');

  it('gives whole multiples of a step a row, halves to even, zeros for zeros', async () => {
    const output = backend.empty([3, 3], 'output');
    backend.quantize_rows({ hidden_states: tensor([2, 0.5, -1.5, 0, 0, 0, -4, 1, 3], 3), levels: 2, output });
    expect([...(await backend.read(output))]).toEqual([2, 0, -2, 0, 0, 0, -4, 0, 4]);
  });

  it('leaves kept columns of a window out of it', async () => {
    const output = backend.empty([2, 3], 'output');
    const kept = tensor([1, 0, 0, 0, 0, 0], 3);
    backend.quantize_rows({ hidden_states: tensor([9.3, 1, 0.3, 9.3, 1, 0.3], 3), levels: 2, kept, seqlen: 1, output });
    const found = await backend.read(output);
    expect(found[0]).toBeCloseTo(9.3, 6);
    expect([...found.slice(1)].map((x) => Number(x.toFixed(4)))).toEqual([1, 0.5, 9.3, 0, 0]);
  });

  it('keeps NaN', async () => {
    const output = backend.empty([1, 2], 'output');
    backend.quantize_rows({ hidden_states: tensor([Number.NaN, 1], 2), levels: 127, output });
    expect([...(await backend.read(output))]).toEqual([Number.NaN, 1]);
  });

  it('finds outliers window by window', async () => {
    const output = backend.empty([2, 2], 'output');
    backend.outlier_columns({ hidden_states: tensor([1, -6, 2, 0, 1, 5.9, 7, 0], 2), threshold: 6, seqlen: 2, output });
    expect([...(await backend.read(output))]).toEqual([0, 1, 1, 0]);
  });
});
