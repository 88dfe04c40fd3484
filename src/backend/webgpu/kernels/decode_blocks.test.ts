import { afterAll, describe, expect, it } from 'vitest';
import { blockOf, QUANT_TYPES, type QuantType } from '../../../tensor/dtype.ts';
import { dequantize } from '../../../tensor/quant/dequantize.ts';
import { openTwins, randomIds } from '../../testing.ts';
import { decodeBlocks } from './decode_blocks.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

/** Byte offsets of a block's half floats. */
const HALVES: Record<QuantType, readonly number[]> = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ4_NL: [0],
  IQ4_XS: [0],
  TQ1_0: [52],
  TQ2_0: [64],
  MXFP4: [],
  NVFP4: [],
  Q1_0: [0],
  Q2_0: [0],
  Q2_0_G128: [0],
};

/** Different numbers in 185 blocks at least, of types whose blocks have few. */
const LEAST_NUMBERS: Partial<Record<QuantType, number>> = {
  TQ1_0: 300,
  TQ2_0: 500,
  Q1_0: 300,
  Q2_0: 500,
  Q2_0_G128: 500,
  NVFP4: 300,
  MXFP4: 500,
};

const KERNELS = [
  ['dequantize_q4_0', 'Q4_0'],
  ['dequantize_q4_1', 'Q4_1'],
  ['dequantize_q5_0', 'Q5_0'],
  ['dequantize_q5_1', 'Q5_1'],
  ['dequantize_q8_0', 'Q8_0'],
  ['dequantize_q2_k', 'Q2_K'],
  ['dequantize_q3_k', 'Q3_K'],
  ['dequantize_q4_k', 'Q4_K'],
  ['dequantize_q5_k', 'Q5_K'],
  ['dequantize_q6_k', 'Q6_K'],
  ['dequantize_iq4_nl', 'IQ4_NL'],
  ['dequantize_iq4_xs', 'IQ4_XS'],
  ['dequantize_tq1_0', 'TQ1_0'],
  ['dequantize_tq2_0', 'TQ2_0'],
  ['dequantize_mxfp4', 'MXFP4'],
  ['dequantize_nvfp4', 'NVFP4'],
  ['dequantize_q1_0', 'Q1_0'],
  ['dequantize_q2_0', 'Q2_0'],
  ['dequantize_q2_0_g128', 'Q2_0_G128'],
] as const;

/**
 * Random blocks whose half floats are finite, subnormal ones included. Exponents of MXFP4 keep to what gives normal f32
 * numbers: a device may take subnormal ones for zero, and one too large is infinite in its own way.
 */
function randomBlocks(dtype: QuantType, blocks: number, seed: number): Uint8Array {
  const size = blockOf(dtype).bytes;
  const bytes = Uint8Array.from(randomIds(blocks * size, 256, seed));
  for (let block = 0; block < blocks; block++) {
    if (dtype === 'MXFP4') bytes[block * size] = 2 + (bytes[block * size] % 250);
    for (const at of HALVES[dtype]) {
      const high = block * size + at + 1;
      if ((bytes[high] & 0x7c) === 0x7c) bytes[high] &= 0x83;
    }
  }
  return bytes;
}

function firstDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return found.length;
  return Array.from(expected).findIndex((value, i) => value !== found[i]);
}

describe.skipIf(!twins)('decoding of stored blocks against its f64 twin', () => {
  it('has a kernel for every type', () => {
    expect(KERNELS.map(([, dtype]) => dtype).sort()).toEqual([...QUANT_TYPES].sort());
  });

  // Every number is exact but for one rounding, so that both backends give the same bits.
  it.each(KERNELS)('%s decodes one, odd and many blocks', async (kernel, dtype) => {
    const { elements } = blockOf(dtype);
    for (const [rows, columns] of [
      [1, 1],
      [3, 1],
      [1, 7],
      [37, 5],
    ]) {
      const bytes = randomBlocks(dtype, rows * columns, rows);
      const [found, expected] = await twins!.run((backend) =>
        backend.decode(bytes, dtype, [rows, columns * elements], 'blocks'),
      );
      expect([...twins!.kernels]).toEqual([kernel]);
      if (rows === 37) expect(new Set(Array.from(expected)).size).toBeGreaterThan(LEAST_NUMBERS[dtype] ?? 1000);
      expect(firstDifference(found, expected)).toBe(-1);
    }
  });

  it('folds grids beyond the limit of a dimension', async () => {
    const { context } = twins!.webgpu;
    // One thread a workgroup: 16,385 blocks of four parts are 65,540 workgroups, more than the 65,535 of a dimension.
    const elements = 16_385 * 32;
    const bytes = randomBlocks('Q8_0', elements / 32, 9);
    const words = context.tensor([Math.ceil(bytes.byteLength / 4)], 'u32', 'words');
    const output = context.tensor([elements], 'f32', 'values');
    context.upload(words, bytes);
    decodeBlocks(context, 'Q8_0', words, output, elements, { WORKGROUP_SIZE: 1 });
    expect(firstDifference(await twins!.webgpu.read(output), dequantize(bytes, 'Q8_0'))).toBe(-1);
    words.dispose();
    output.dispose();
  });

  it('refuses rows that are no whole number of blocks, on both backends', () => {
    const bytes = randomBlocks('Q4_0', 3, 1);
    for (const backend of [twins!.webgpu, twins!.cpu]) {
      expect(() => backend.decode(bytes, 'Q4_0', [6, 16], 'split')).toThrow('rows of 16 elements');
      expect(() => backend.decode(bytes, 'Q4_0', [2, 32], 'long')).toThrow('54 bytes were given');
    }
  });
});
