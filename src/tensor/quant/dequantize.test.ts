import { describe, expect, it } from 'vitest';
import golden from '../../../test/fixtures/quant/gguf_blocks.json';
import { WhittleError } from '../../errors/errors.ts';
import { decodeStored } from '../decode.ts';
import { blockOf, QUANT_TYPES } from '../dtype.ts';
import { quantize } from './quantize.ts';

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

type Golden = keyof typeof golden;

/** Types that the gguf package does not decode; tested by their definition below. */
const BY_DEFINITION = ['Q1_0', 'Q2_0', 'Q2_0_G128'] as const;

it('has bits to compare with for every other type', () => {
  const others = QUANT_TYPES.filter((dtype) => !BY_DEFINITION.some((other) => other === dtype));
  expect(Object.keys(golden).sort()).toEqual(others.sort());
});

describe.each(Object.keys(golden) as Golden[])('%s', (dtype) => {
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

describe('types of one and two bits', () => {
  /** Blocks of the half float −1.5 and bytes that count up from 3. */
  const blockBytes = (bytes: number) => [
    0x00,
    0xbe,
    ...Array.from({ length: bytes - 2 }, (_, i) => (3 + 37 * i) & 255),
  ];
  const bitsOf = (bytes: readonly number[]) =>
    bytes.flatMap((byte) => [...byte.toString(2).padStart(8, '0')].reverse());

  it('Q1_0 is plus or minus the scale, by its bit', () => {
    const block = blockBytes(18);
    const found = decodeStored(Uint8Array.from([...block, ...block]), 'Q1_0');
    const expected = bitsOf(block.slice(2)).map((bit) => (bit === '1' ? -1.5 : 1.5));
    expect([...found]).toEqual([...expected, ...expected]);
  });

  it.each([
    ['Q2_0', 18],
    ['Q2_0_G128', 34],
  ] as const)('%s is the scale times −1, 0, 1 or 2, two bits each', (dtype, bytes) => {
    const block = blockBytes(bytes);
    const bits = bitsOf(block.slice(2));
    const expected = Array.from({ length: bits.length / 2 }, (_, i) => {
      return -1.5 * (Number(bits[2 * i]) + 2 * Number(bits[2 * i + 1]) - 1);
    });
    const found = decodeStored(Uint8Array.from([...block, ...block]), dtype);
    expect(Array.from(found, (value) => value + 0)).toEqual([...expected, ...expected].map((value) => value + 0));
  });

  it.each(BY_DEFINITION)('%s refuses part of a block', (dtype) => {
    const { bytes } = blockOf(dtype);
    expect(() => decodeStored(new Uint8Array(bytes + 1), dtype)).toThrow(`${bytes + 1} bytes were read for ${dtype}`);
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
