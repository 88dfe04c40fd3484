/** @file A quantised source on its own grid: rounding its numbers again in as many bits changes none of them. */
import { describe, expect, it } from 'vitest';
import type { WeightOutline } from '../../models/decoder_model.ts';
import { dense } from '../../models/packed/dense.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { numberToF16 } from '../../tensor/half.ts';
import { nearestValues } from '../solvers/packed_values.ts';
import { integerPacking } from './integers.ts';

const [ROWS, COLUMNS] = [6, 96];
const Q4_1 = { dtype: 'Q4_1', shape: [ROWS, COLUMNS] } as unknown as WeightOutline;

/** Blocks of Q4_1: float16 scale and minimum, then 16 bytes of two codes each; every block uses both ends of its range. */
function blocks(): Uint8Array {
  const bytes = new Uint8Array(((ROWS * COLUMNS) / 32) * 20);
  const view = new DataView(bytes.buffer);
  for (let block = 0; block * 20 < bytes.length; block++) {
    view.setUint16(block * 20, numberToF16(0.01 + 0.003 * block), true);
    view.setUint16(block * 20 + 2, numberToF16(-0.1 + 0.013 * block), true);
    for (let i = 0; i < 16; i++) bytes[block * 20 + 4 + i] = i === 0 ? 0xf0 : (37 * i + 91 * block) & 0xff;
  }
  return bytes;
}

describe('grid=source', () => {
  const values = Float64Array.from(decodeStored(blocks(), 'Q4_1'));
  const worst = (grid: 'source' | 'integer', dtype = Q4_1) => {
    const packing = integerPacking({ bits: 4, group: 32, grid }, dtype);
    const found = dense(nearestValues(values, ROWS, COLUMNS, packing));
    return Math.max(...values.map((value, i) => Math.abs(value - found[i])));
  };

  it('keeps every number of Q4_1', () => expect(worst('source')).toBeLessThan(1e-7));
  it('which an integer zero point does not', () => expect(worst('integer')).toBeGreaterThan(1e-4));
  it('is an integer zero point where the source is floats', () => {
    const floats = { ...Q4_1, dtype: 'F16' } as WeightOutline;
    expect(worst('source', floats)).toBe(worst('integer'));
  });
});
