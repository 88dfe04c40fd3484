/** @file Rounding by the vector kernel gives the bits that the walk in JavaScript gives. */
import { describe, expect, it } from 'vitest';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import { walkStrip } from '../../backend/linalg/walk_kernel.ts';
import { type GptqOptions, gptq } from './gptq.ts';
import { type Grid, roundingTo } from './grid.ts';
import { inverseHessian } from './hessian.ts';

function numbers(seed: number, count: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

function gramOf(X: Float64Array, tokens: number, columns: number): Float64Array {
  const gram = new Float64Array(columns * columns);
  addProduct(columns, columns, tokens, transposed(view(X, columns)), view(X, columns), view(gram, columns));
  return gram;
}

describe('a strip', () => {
  it.each(['integer', 'minimum'] as const)(
    'rounds each column after the errors of those before it: %s',
    async (kind) => {
      const [rows, columns] = [11, 29];
      const grid: Grid = { bits: 3, kind };
      const { U } = await inverseHessian(gramOf(numbers(3, 60 * columns), 60, columns), columns, 'natural');
      const W = numbers(5, rows * columns);
      const strip = walkStrip(kind, 7);
      const at = (row: number, column: number) => column * 64 + row;
      for (let row = 0; row < rows; row++) {
        strip.scales[row] = 0.1 + 0.01 * row;
        strip.offsets[row] = kind === 'integer' ? row % 8 : -0.5 - 0.02 * row;
        for (let c = 0; c < columns; c++) strip.values[at(row, c)] = W[row * columns + c];
      }
      for (let k = 0; k < columns; k++) for (let c = k; c < columns; c++) strip.factor[k * 32 + c] = U[k * columns + c];
      strip.walk(rows, columns, true);
      const { nearest, number } = roundingTo(grid);
      for (let row = 0; row < rows; row++) {
        const left = W.slice(row * columns, (row + 1) * columns);
        for (let c = 0; c < columns; c++) {
          const code = nearest(left[c], strip.scales[row], strip.offsets[row]);
          const value = number(code, strip.scales[row], strip.offsets[row]);
          const error = (left[c] - value) / U[c * columns + c];
          expect(strip.codes[at(row, c)]).toBe(code);
          expect(strip.values[at(row, c)]).toBe(value);
          expect(strip.errors[at(row, c)] + error).toBe(0);
          for (let j = c + 1; j < columns; j++) left[j] -= error * U[c * columns + j];
        }
      }
    },
  );
});

describe('GPTQ', () => {
  const rows = 70;
  const columns = 150;
  const W = numbers(11, rows * columns);
  const X = numbers(13, 200 * columns).map((value, i) => value * (1 + ((i % columns) % 9)));
  const gram = gramOf(X, 200, columns);
  // A drift of nothing adds nothing, and is walked in JavaScript.
  const inScript = { deltaGram: new Float64Array(columns * columns) };

  it.each<[string, Omit<GptqOptions, 'grid'>, number]>([
    ['groups of 32', { group: 32 }, 4],
    ['groups of 64', { group: 64 }, 3],
    ['a group of 16, which the kernel leaves alone', { group: 16 }, 4],
    ['a group a row', { group: columns }, 4],
    ['lazy grids', { group: 32, params: 'lazy' }, 4],
    ['lazy grids of 24', { group: 24, params: 'lazy' }, 2],
    ['static groups', { group: 32, order: 'static' }, 4],
    ['dynamic groups', { group: 32, order: 'dynamic' }, 8],
  ])('has the same codes either way: %s', async (_, options, bits) => {
    for (const kind of ['integer', 'minimum'] as const) {
      const grid = { bits, kind };
      const fast = await gptq(W, rows, columns, gram, { ...options, grid });
      expect(fast).toEqual(await gptq(W, rows, columns, gram, { ...options, grid, ...inScript }));
      expect(new Set(fast.codes).size).toBeGreaterThan(2);
    }
  });

  it('leaves W as it is, or uses it up', async () => {
    const given = W.slice();
    const grid: Grid = { bits: 4, kind: 'integer' };
    const kept = await gptq(given, rows, columns, gram, { grid, group: 32 });
    expect(given).toEqual(W);
    expect(await gptq(given, rows, columns, gram, { grid, group: 32, consumes: true })).toEqual(kept);
    expect(given).not.toEqual(W);
  });
});
