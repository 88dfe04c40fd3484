/** Blocks of a GGUF as the grouped integers that they are, and when they are not. */
import { describe, expect, it } from 'vitest';
import { dense } from '../../models/packed/dense.ts';
import type { Grouped } from '../../models/packed/packing.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { blockOf, type QuantType } from '../../tensor/dtype.ts';
import { numberToF16 } from '../../tensor/half.ts';
import type { LinearInput } from '../layerwise_types.ts';
import { sourceBlocks, sourceIntegers } from './source_blocks.ts';

const [ROWS, COLUMNS] = [3, 64];

/** Random codes; float16 scales, of Q4_0 of both signs, and minimums. */
function linear(dtype: QuantType): LinearInput {
  const { bytes } = blockOf(dtype);
  const blocks = new Uint8Array(((ROWS * COLUMNS) / 32) * bytes);
  const view = new DataView(blocks.buffer);
  blocks.forEach((_, i) => {
    blocks[i] = (i * 2654435761) >>> 24;
  });
  for (let at = 0, i = 0; at < blocks.length; at += bytes, i++) {
    view.setUint16(at, numberToF16((dtype === 'Q4_0' && i % 2 ? -1 : 1) * (0.01 + 0.002 * i)), true);
    if (dtype === 'Q4_1') view.setUint16(at + 2, numberToF16(-0.1 + 0.01 * i), true);
  }
  const W = Float64Array.from(decodeStored(blocks, dtype));
  return { W, rows: ROWS, columns: COLUMNS, source: { dtype }, blocks } as unknown as LinearInput;
}

const packing = (bits: Grouped['bits'], zero: Grouped['zero']): Grouped => ({
  ...{ kind: 'grouped', bits, group: 32, zero, scale: 'F16' },
});

const OWN: [QuantType, Grouped][] = [
  ['Q4_0', packing(4, 'integer')],
  ['Q4_1', packing(4, 'minimum')],
  ['Q8_0', packing(8, 'integer')],
];

describe('blocks of a GGUF as grouped integers', () => {
  it.each(OWN)('%s: the same numbers, bit for bit', async (dtype, own) => {
    const input = linear(dtype);
    const found = await sourceIntegers(input, own);
    // A negative scale has zeros of its own sign.
    const positive = (values: ArrayLike<number>) => Array.from(values, (value) => value + 0);
    expect(found && positive(dense(found))).toEqual(positive(input.W));
    expect(sourceBlocks(input, dtype)?.blocks).toBe(input.blocks);
  });

  it.each(OWN)('%s: not on another grid, nor once a weight has moved', async (dtype, own) => {
    const input = linear(dtype);
    for (const other of [
      { ...own, group: 64 },
      { ...own, bits: 3 as const },
    ])
      expect(await sourceIntegers(input, other)).toBeUndefined();
    expect(
      await sourceIntegers(input, packing(own.bits, own.zero === 'minimum' ? 'integer' : 'minimum')),
    ).toBeUndefined();
    input.W[COLUMNS + 1] += 1e-3;
    expect(await sourceIntegers(input, own)).toBeUndefined();
    expect(sourceBlocks(input, dtype)).toBeUndefined();
  });

  it('of other types are none', async () => {
    const input = { ...linear('Q8_0'), source: { dtype: 'F16' } } as unknown as LinearInput;
    expect(await sourceIntegers(input, packing(8, 'integer'))).toBeUndefined();
    expect(sourceBlocks(input, 'Q8_0')).toBeUndefined();
  });
});
