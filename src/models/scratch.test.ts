/** A weight stored as row blocks reads as one, whatever rows are asked for. */
import { describe, expect, it } from 'vitest';
import { memoryScratch, scratchWeight } from './scratch.ts';

const ROWS = 10;
const COLUMNS = 3;
/** Uneven on purpose: [0, 4), [4, 7), [7, 10). */
const STARTS = [0, 4, 7];

async function blocked() {
  const values = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => i + 1);
  const store = memoryScratch();
  const blocks = await Promise.all(
    STARTS.map(async (start, i) => {
      const end = STARTS[i + 1] ?? ROWS;
      const bytes = new Uint8Array(values.slice(start * COLUMNS, end * COLUMNS).buffer);
      return { rows: { start, end }, slot: await store.append(bytes) };
    }),
  );
  return { values, weight: scratchWeight('table', 'F32', [ROWS, COLUMNS], blocks) };
}

const floats = (bytes: Uint8Array) => [...new Float32Array(bytes.slice().buffer)];

describe('a weight of three blocks', () => {
  it('is whole', async () => {
    const { values, weight } = await blocked();
    expect(floats(await weight.read())).toEqual([...values]);
  });

  it('gives any rows, over block edges too', async () => {
    const { values, weight } = await blocked();
    for (let start = 0; start < ROWS; start++) {
      for (let end = start + 1; end <= ROWS; end++) {
        const found = floats(await weight.read({ start, end }));
        expect(found, `rows ${start} to ${end}`).toEqual([...values.slice(start * COLUMNS, end * COLUMNS)]);
      }
    }
  });
});
