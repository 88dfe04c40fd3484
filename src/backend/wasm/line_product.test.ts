/** Products of few rows with float matrices, by the rows of the matrix, against the f64 twin. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend, Tensor } from '../backend.ts';
import { createCpuBackend } from '../cpu/cpu_backend.ts';
import { normalisedError, randomValues } from '../testing.ts';
import { createLineKernel } from './line_kernel.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

const backend = createWasmBackend(await createNodeCrew(1));
const reference = createCpuBackend();
afterAll(() => backend.dispose());

/** Rows, outputs, inputs: fewer outputs than are multiplied together, ragged ones, several threads, ragged inputs. */
const SHAPES = [
  [1, 3, 8],
  [1, 70, 100],
  [1, 1601, 576],
  [4, 301, 256],
  [2, 37, 101],
] as const;

function product(b: Backend, [m, n, k]: readonly [number, number, number], way: string) {
  const of = (rows: number, columns: number, seed: number): Tensor =>
    b.fromArray(randomValues(rows * columns, seed), [rows, columns], 'x');
  const output = of(m, n, 6);
  const gate = { states: of(m, n, 7), activation: 'silu' as const };
  const more = { plain: {}, accumulate: { accumulate: true }, factors: { row_scale: of(m, 1, 8), gate } }[way];
  // The matrix is larger than its use.
  b.matmul_bt({ a: of(m, k, 5), b: of(n + 2, k + 4, 9), output, ...more });
  return b.read(output);
}

describe.each(SHAPES)('%i rows, %i outputs, %i inputs', (...shape) => {
  it.each(['plain', 'accumulate', 'factors'])('%s', async (way) => {
    const [found, expected] = [await product(backend, shape, way), await product(reference, shape, way)];
    expect(normalisedError(found, expected)).toBeLessThan(1e-12);
  });
});

it('reads nothing behind the last row of a matrix', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const heap = new Float32Array(memory.buffer);
  const end = heap.length;
  heap.fill(2, end - 8, end);
  heap.fill(3, 0, 8);
  createLineKernel(memory).dot_lines(64, 68, 4 * (end - 8), 0, 0, 32);
  expect([...heap.subarray(16, 20)]).toEqual([48, 48, 48, 48]);
});
