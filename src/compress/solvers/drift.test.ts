import { expect, it } from 'vitest';
import type { TapStatistics } from '../../statistics/statistics.ts';
import { deltaGram } from './drift.ts';

it('the Gram of dense inputs less compressed ones with compressed ones, from both sums', () => {
  // Two tokens of two inputs each: x compressed, d dense.
  const [x, d] = [
    [1, 2, -1, 3],
    [2, 2, 0, 5],
  ];
  const sum = (a: number[], b: number[]) =>
    Float64Array.from({ length: 4 }, (_, at) => {
      const [i, j] = [at >> 1, at & 1];
      return a[i] * b[j] + a[2 + i] * b[2 + j];
    });
  const statistics = { size: 2, gram: sum(x, x), cross: sum(x, d) } as unknown as TapStatistics;
  const difference = d.map((value, i) => value - x[i]);
  expect(deltaGram(statistics)).toEqual(sum(difference, x));
  expect(deltaGram({ ...statistics, cross: undefined })).toBeUndefined();
});
