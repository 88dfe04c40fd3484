/** A matrix in blocks, part by part: the same bytes as row by row, and a chance to cancel between the parts. */
import { expect, it } from 'vitest';
import { randomValues } from '../../backend/testing.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import { encodeBlocks } from '../../tensor/quant/encode/encode.ts';
import { blockValues } from './block_values.ts';

const COLUMNS = 1024;
/** A part has 2^18 elements at most: 256 of these rows. */
const PART = 256;

it.each([1, PART, PART + 1, 2 * PART + 1])('%d rows are those of single rows, and can be cancelled', async (rows) => {
  const W = randomValues(rows * COLUMNS, rows);
  const importance = Float64Array.from({ length: COLUMNS }, (_, i) => 1 + (i % 7));
  let breaths = 0;
  const { blocks, ...rest } = await blockValues(W, rows, COLUMNS, 'Q8_0', importance, async () => {
    breaths++;
  });
  expect(rest).toEqual({ packing: { kind: 'blocks', dtype: 'Q8_0' }, rows, columns: COLUMNS });
  const row = COLUMNS * bytesPerElement('Q8_0');
  expect(blocks.length).toBe(rows * row);
  for (const at of new Set([0, Math.min(rows, PART) - 1, rows - 1])) {
    const alone = encodeBlocks(W.subarray(at * COLUMNS, (at + 1) * COLUMNS), 'Q8_0', COLUMNS, importance);
    expect(blocks.subarray(at * row, (at + 1) * row), `row ${at}`).toEqual(alone);
  }
  expect(breaths).toBe(Math.ceil(rows / PART));
});

it('takes a row at a time where one is longer than a part', async () => {
  const columns = 2 ** 18 + 32;
  const W = randomValues(2 * columns, 3);
  let breaths = 0;
  const { blocks } = await blockValues(W, 2, columns, 'Q8_0', undefined, async () => {
    breaths++;
  });
  expect(Buffer.compare(blocks, encodeBlocks(W, 'Q8_0', columns))).toBe(0);
  expect(breaths).toBe(2);
});
