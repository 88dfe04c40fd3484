/** What each linear could become: also where there is one way alone, and which of them carry errors on. */
import { afterAll, describe, expect, it } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { compressionContext, seededText, testJob } from '../../../test/support/slice_job.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { layerLinears } from '../layerwise/half.ts';
import { nearestValues } from '../solvers/packed_values.ts';
import { linearAlternatives } from './alternatives.ts';
import { integerPalette } from './integers.ts';

const backend = createWasmBackend();
afterAll(() => backend.dispose());

const TEXTS = { calibration: seededText(1, 300), evaluation: seededText(2, 300) };
const WINDOWS = { seqlen: 24, samples: 4, eval_samples: 2 };

it.each([1, 2])('every linear is a site, with %i ways to store it', async (count) => {
  const job = await testJob(await tinyLlama(), TEXTS, WINDOWS);
  const ways = [{ bits: 4, group: 16 } as const, { bits: 8, group: 'row' } as const].slice(0, count);
  const context = { ...compressionContext(backend, job), dense: job.model, before: [], after: [] };
  const found = await linearAlternatives(job.model, integerPalette(ways, []), context);
  const names = job.model.layers.flatMap((layer) => layerLinears(layer).map((name) => `${layer.index}.${name}`));
  const sites = found.map(({ site }) => (site === 'tables' ? site : `${site.layer}.${site.name}`));
  expect(sites.sort()).toEqual(names.sort());
  for (const { alternatives } of found) expect(alternatives).toHaveLength(count);
});

describe('rounding by the palette', () => {
  const [rows, columns] = [3, 4];
  const W = Float64Array.from({ length: rows * columns }, (_, i) => Math.sin(i + 1));
  // Inputs that are nearly the same: errors of one are worth carrying to the next.
  const gram = Float64Array.from({ length: columns ** 2 }, (_, i) => (i % (columns + 1) === 0 ? 1 : 0.95));
  const palette = integerPalette([{ bits: 2, group: 'row' } as const, { bits: 8, group: 'row' } as const], []);
  const source = { name: 'w', shape: [rows, columns], dtype: 'F32' } as const;
  const linear = { W, rows, columns, source: { ...source, read: async () => new Uint8Array() } };
  const rounded = async (way: string) => {
    const packing = palette.packing(way, source);
    const made = await palette.round(linear as never, packing!, { gram } as never, { linalg: {} } as never);
    return [made as GroupedValues, nearestValues(W, rows, columns, packing as never)] as const;
  };

  it('takes the nearest codes where the grid is symmetric, whatever the inputs', async () => {
    const [made, nearest] = await rounded('8/row');
    expect((made.packing as { zero: string }).zero).toBe('symmetric');
    expect(made.codes).toEqual(nearest.codes);
  });
});
