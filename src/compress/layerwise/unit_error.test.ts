/** The one figure of every changed matrix, against its definition. */
import { describe, expect, it } from 'vitest';
import { measuredRows, unitError } from './unit_error.ts';

const rows = 2;
const W = [1, 2, -3, 4, 0.5, -1];
const V = [1, 1, -3, 3.5, 0.5, 1];
const loss = (weights: readonly number[]) => {
  const sum = (values: readonly number[]) =>
    values.reduce((total, value, i) => total + weights[i % 3] * value * value, 0);
  return sum(V.map((value, i) => value - W[i])) / sum(W);
};

describe('the error of a change', () => {
  it('is the share of the weights’ energy without a text', () => {
    const found = unitError(W, V, rows, 3, {});
    expect(found).toMatchObject({ measured: 'weights' });
    expect(found.error).toBeCloseTo(loss([1, 1, 1]), 12);
  });

  it('weighs columns by the energy of their inputs', () => {
    const diagonal = Float64Array.of(1, 10, 0.25);
    const found = unitError(W, V, rows, 3, { diagonal });
    expect(found).toMatchObject({ measured: 'diagonal' });
    expect(found.error).toBeCloseTo(loss([1, 10, 0.25]), 12);
  });

  it('is that of the outputs by the whole Gram, which a diagonal one makes the same', () => {
    const gram = Float64Array.of(1, 0, 0, 0, 10, 0, 0, 0, 0.25);
    expect(unitError(W, V, rows, 3, { gram }).error).toBeCloseTo(loss([1, 10, 0.25]), 12);
  });

  it('looks at some rows of a large matrix, and needs no others', () => {
    const many = 100;
    const [before, after] = [7, 11].map((step) =>
      Float64Array.from({ length: many * 3 }, (_, i) => Math.sin(step * i)),
    );
    const gram = Float64Array.of(2, 1, 0, 1, 3, 0, 0, 0, 1);
    const rows = measuredRows(many, { gram }) ?? [];
    expect(rows).toHaveLength(48);
    expect(measuredRows(48, { gram })).toBeUndefined();
    expect(measuredRows(many, {})).toBeUndefined();
    const taken = (W: Float64Array) => Float64Array.from(rows.flatMap((row) => [...W.subarray(3 * row, 3 * row + 3)]));
    const found = unitError(taken(before), taken(after), rows.length, 3, { gram });
    expect(found).toEqual(unitError(before, after, many, 3, { gram }));
  });
});
