/** What cannot be quantised is said with the name of the matrix. */
import { describe, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import { quantizedColumns, quantizedRows } from './quantized_ref.ts';

describe('a weight that is no number', () => {
  it.each([
    ['rows', quantizedRows],
    ['columns', quantizedColumns],
  ])('is refused with its matrix, in blocks along %s', async (_, quantized) => {
    const values = new Float32Array(2 * 32).fill(1);
    values[40] = Number.NaN;
    const bytes = encodeFromFloat(values, 'F32');
    const ref = quantized({ name: 'up_proj.weight', shape: [2, 32], dtype: 'F32', read: async () => bytes }, 4);
    await expectBadInput(ref.read(), 'non_finite_weights', 'A weight is NaN', 'tensor up_proj.weight');
  });
});
