/** Trains of rows: shapes, what full ranks give back, and that each core takes the best of what is left. */
import { describe, expect, it } from 'vitest';
import { dense } from '../../models/packed/dense.ts';
import type { TensorTrainValues } from '../../models/packed/values.ts';
import { blockSizes, type TrainShape, trainRows, trainShape } from './tensor_train.ts';

const ROWS = 5;

function table(d: number): Float64Array {
  let state = 3;
  return Float64Array.from({ length: ROWS * d }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

async function rebuilt(T: Float64Array, d: number, train: TrainShape): Promise<Float32Array> {
  const cores = await trainRows(T, ROWS, d, train);
  const values: TensorTrainValues = {
    packing: { kind: 'tensor_train', ...train, floats: 'F32' },
    ...{ rows: ROWS, columns: d, cores },
  };
  return dense(values);
}

const error = (T: Float64Array, V: Float32Array) => T.reduce((sum, value, i) => sum + (value - V[i]) ** 2, 0);

describe('a tensor train of a row', () => {
  it('is bent to equal sizes where there are such', () => {
    expect(blockSizes(256)).toEqual([4, 4, 4, 4]);
    expect(blockSizes(576)).toEqual([24, 24]);
    expect(blockSizes(96)).toEqual([4, 4, 6]);
    expect(blockSizes(2048)).toEqual([8, 16, 16]);
    expect(blockSizes(13)).toEqual([1, 1, 13]);
  });

  it('has ranks that fill what the ratio leaves', () => {
    expect(trainShape(256, 2)?.ranks).toEqual([4, 3, 4]);
    expect(trainShape(256, 4)?.ranks).toEqual([4, 1, 4]);
    expect(trainShape(96, 2)?.ranks).toEqual([3, 2]);
    expect(trainShape(576, 2)?.ranks).toEqual([6]);
    expect(trainShape(13, 2)).toBeUndefined();
  });

  it.each([
    [64, { shape: [8, 8], ranks: [8] }],
    [96, { shape: [4, 4, 6], ranks: [4, 6] }],
    [256, { shape: [4, 4, 4, 4], ranks: [4, 16, 4] }],
  ])('of full rank is the row (%i numbers)', async (d, train) => {
    const T = table(d);
    expect(error(T, await rebuilt(T, d, train))).toBeLessThan(1e-10);
  });

  it('loses what the singular values say, and less with more rank', async () => {
    const T = table(64);
    let before = Number.POSITIVE_INFINITY;
    for (const rank of [1, 2, 4]) {
      const lost = error(T, await rebuilt(T, 64, { shape: [8, 8], ranks: [rank] }));
      expect(lost).toBeLessThan(before);
      before = lost;
    }
    // A block of rank 2 needs no more.
    const a = table(8);
    const outer = Float64Array.from({ length: ROWS * 64 }, (_, i) => {
      const [row, y, x] = [Math.floor(i / 64), Math.floor((i % 64) / 8), i % 8];
      return a[row * 8 + y] * a[x] + a[row * 8 + x] * (y - 3);
    });
    expect(error(outer, await rebuilt(outer, 64, { shape: [8, 8], ranks: [2] }))).toBeLessThan(1e-8);
  });

  it('of an empty row is empty', async () => {
    const zeros = new Float64Array(ROWS * 64);
    expect(error(zeros, await rebuilt(zeros, 64, { shape: [8, 8], ranks: [2] }))).toBe(0);
  });
});
