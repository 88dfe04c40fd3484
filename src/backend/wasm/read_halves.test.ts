/** Half floats by the kernels of all threads: the bits of `tensor/half.ts`, whatever the length and wherever a range ends. */
import { afterAll, describe, expect, it } from 'vitest';
import { decodeToFloat32, encodeFromFloat } from '../../tensor/half.ts';
import { randomValues } from '../testing.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

const backend = createWasmBackend(await createNodeCrew(1));
afterAll(() => backend.dispose());

const EVERY = new Uint8Array(Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer);
const bits = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

function halvesOf(values: ArrayLike<number>): Uint8Array | undefined {
  const tensor = backend.fromArray(values, [values.length], 'values');
  const found = backend.readHalves?.(tensor);
  tensor.dispose();
  return found;
}

/** Finite halves, the middles between neighbours, and f32's neighbours of both. */
function edges(): Float32Array {
  const finite = decodeToFloat32(EVERY, 'F16').filter(Number.isFinite);
  const middles = finite.slice(0, 31743).map((low, i) => (low + finite[i + 1]) / 2);
  const beside = (values: Float32Array, step: number) =>
    new Float32Array(bits(values).map((word) => word + step).buffer);
  const all = [finite, middles, beside(middles, 1), beside(middles.slice(1), -1), middles.map((value) => -value)];
  const joined = new Float32Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of all) {
    joined.set(part, at);
    at += part.length;
  }
  return joined.filter((value) => Math.abs(value) < 65520);
}

describe('half floats on all threads', () => {
  it('decode to the bits of every pattern', async () => {
    for (const count of [65536, 65533, 7, 3]) {
      const bytes = EVERY.slice(0, 2 * count);
      const tensor = backend.decode(bytes, 'F16', [count], 'halves');
      const found = (await backend.read(tensor)) as Float32Array;
      tensor.dispose();
      const expected = decodeToFloat32(bytes, 'F16');
      const differ = expected.findIndex(
        (value, i) => bits(found)[i] !== bits(expected)[i] && !(Number.isNaN(value) && Number.isNaN(found[i])),
      );
      expect(differ).toBe(-1);
    }
  });

  it('encode to the nearest, ties to even, down to the smallest', () => {
    const values = edges();
    expect(values.length).toBeGreaterThan(150_000);
    for (const count of [values.length, 1003, 8, 5]) {
      const part = values.slice(-count);
      expect(Buffer.compare(halvesOf(part) as Uint8Array, encodeFromFloat(part, 'F16'))).toBe(0);
    }
    const small = Float32Array.from(randomValues(4099, 3), (value, i) => value * 2 ** -(i % 48));
    expect(halvesOf(small)).toEqual(encodeFromFloat(small, 'F16'));
  });

  it('lie in the array that is given, where it is large enough', () => {
    const values = [1, -2, 0.5, 65504];
    const tensor = backend.fromArray(values, [4], 'values');
    const [large, small] = [new Uint8Array(20).fill(9), new Uint8Array(7)];
    const found = backend.readHalves?.(tensor, large);
    expect(found).toEqual(encodeFromFloat(Float32Array.from(values), 'F16'));
    expect(found?.buffer).toBe(large.buffer);
    expect(large.subarray(8)).toEqual(new Uint8Array(12).fill(9));
    expect(backend.readHalves?.(tensor, small)).toEqual(found);
    expect(small).toEqual(new Uint8Array(7));
    tensor.dispose();
  });

  it('are what values are rounded to where they lie, also too large ones and NaN', async () => {
    const all = edges();
    for (const count of [all.length, 1003, 5]) {
      const values = all.slice(-count);
      values.set([1e6, Number.NaN, -65520].slice(0, count), count >> 1);
      const tensor = backend.fromArray(values, [count], 'values');
      backend.roundToHalves?.(tensor);
      const expected = decodeToFloat32(encodeFromFloat(values, 'F16'), 'F16');
      const found = (await backend.read(tensor)) as Float32Array;
      tensor.dispose();
      expect(found.findIndex((value, i) => !Object.is(value, expected[i]))).toBe(-1);
    }
  });

  it.each([65520, -65520, 1e30, Number.POSITIVE_INFINITY, Number.NaN])('do not hold %d, wherever it is', (value) => {
    for (const at of [0, 4098, 300_000]) {
      const values = new Float32Array(at + 3).fill(0.5);
      values[at] = value;
      expect(halvesOf(values)).toBeUndefined();
    }
  });
});
