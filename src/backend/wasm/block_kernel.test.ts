/** Blocks decoded by vectors have the bits that the host gives, on one thread and on two. */
import { expect, it } from 'vitest';
import { blockOf } from '../../tensor/dtype.ts';
import { dequantize } from '../../tensor/quant/dequantize.ts';
import { randomValues } from '../testing.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

/** Enough for two threads to share them. */
const ROWS = 256;
const COLUMNS = 96;

/** Any bytes, the half floats among them of all exponents; of a type's scales those that are no number are left out. */
function randomBlocks(dtype: 'Q4_0' | 'Q4_1' | 'Q8_0'): Uint8Array {
  const { bytes, elements } = blockOf(dtype);
  const stored = Uint8Array.from(randomValues(((ROWS * COLUMNS) / elements) * bytes, 7), (value) => value * 1e6);
  for (let at = 0; at < stored.length; at += bytes) {
    for (const high of dtype === 'Q4_1' ? [at + 1, at + 3] : [at + 1]) {
      if ((stored[high] & 0x7c) === 0x7c) stored[high] &= 0x83;
    }
  }
  return stored;
}

it.each(['Q4_0', 'Q4_1', 'Q8_0'] as const)('%s', async (dtype) => {
  const stored = randomBlocks(dtype);
  const expected = dequantize(stored, dtype);
  expect(new Set(expected).size).toBeGreaterThan(1000);
  for (const others of [0, 1]) {
    const backend = createWasmBackend(await createNodeCrew(others));
    try {
      const tensor = backend.decode(stored, dtype, [ROWS, COLUMNS], 'blocks');
      expect(await backend.read(tensor)).toEqual(expected);
    } finally {
      backend.dispose();
    }
  }
});
