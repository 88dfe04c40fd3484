import { describe, expect, it } from 'vitest';
import golden from '../../../test/fixtures/quant/gguf_blocks.json';
import { WhittleError } from '../../errors/errors.ts';
import { decodeStored } from '../decode.ts';
import { blockOf, QUANT_TYPES } from '../dtype.ts';
import { quantize } from './quantize.ts';

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

describe.each(QUANT_TYPES)('%s', (dtype) => {
  const { elements, bytes: size } = blockOf(dtype);
  const bytes = bytesOf(golden[dtype].blocks);
  const expected = new Uint32Array(bytesOf(golden[dtype].values).buffer);

  it('has the bits that the gguf package gives', () => {
    const found = decodeStored(bytes, dtype);
    expect(found.length).toBe((bytes.length / size) * elements);
    expect(new Uint32Array(found.buffer)).toEqual(expected);
  });

  it('decodes bytes at any offset', () => {
    const shifted = new Uint8Array(size + 1);
    shifted.set(bytes.subarray(size, 2 * size), 1);
    const found = decodeStored(shifted.subarray(1), dtype);
    expect(new Uint32Array(found.buffer)).toEqual(expected.slice(elements, 2 * elements));
  });

  it('refuses part of a block', () => {
    const decode = () => decodeStored(bytes.subarray(0, size + 1), dtype);
    expect(decode).toThrow(WhittleError);
    expect(decode).toThrow(`${size + 1} bytes were read for ${dtype} blocks of ${size} bytes`);
  });
});

describe('quantising', () => {
  const values = Float32Array.from({ length: 96 }, (_, i) => Math.sin(i * 1.7) * (1 + i / 40));

  // Largest distance from a level: half a step, plus the rounding of the half-float scale over the levels it multiplies.
  it.each([
    ['Q8_0', 127],
    ['Q4_0', 8],
    ['Q4_1', 7.5],
  ] as const)('%s meets every value within half a step', (dtype, levels) => {
    const found = decodeStored(quantize(values, dtype), dtype);
    for (let block = 0; block < 3; block++) {
      const own = values.subarray(32 * block, 32 * block + 32);
      const range = dtype === 'Q4_1' ? (Math.max(...own) - Math.min(...own)) / 2 : Math.max(...own.map(Math.abs));
      // The one value of Q4_0 whose level would be +8 is cut to +7: a whole step.
      const step = (range / levels) * (dtype === 'Q4_0' ? 1 : 0.5);
      own.forEach((value, j) => {
        expect(Math.abs(found[32 * block + j] - value)).toBeLessThanOrEqual(step + range * 2 ** -10);
      });
    }
  });

  it('keeps zeros', () => {
    for (const dtype of ['Q8_0', 'Q4_0', 'Q4_1'] as const) {
      const found = decodeStored(quantize(new Float32Array(32), dtype), dtype);
      expect(found.every((value) => value === 0)).toBe(true);
    }
  });
});
