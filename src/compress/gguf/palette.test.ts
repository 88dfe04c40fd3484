/** What the solver chooses from where the source is a GGUF: its own blocks, and its own codes, which lose nothing. */
import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { runRecipe } from '../../../test/support/recipe_job.ts';
import { compressionContext, seededText, testJob } from '../../../test/support/slice_job.ts';
import { ggufBytes, ggufSource } from '../../../test/support/written_gguf.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { storedWeights } from '../../models/decoder_model.ts';
import { openModel } from '../../models/open_model.ts';
import { packedBytes } from '../../models/packed/packing.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { elementCount, type Shape } from '../../tensor/shape.ts';
import { linearAlternatives } from '../solver/alternatives.ts';
import { integerPalette } from '../solver/integers.ts';
import { solve } from '../solver/solve.ts';
import { ggufPalette } from './palette.ts';

const SIZES = { seqlen: 16, samples: 2, eval_samples: 2 };
const TEXTS = { calibration: seededText(1, 200), evaluation: seededText(2, 200) };
const backend = createWasmBackend();
const files = await tinyLlama({ hidden_size: 64, intermediate_size: 96, vocab_size: 300, dtype: 'F16' });
const made = await runRecipe(backend, await testJob(files, TEXTS, SIZES), 'gguf:type=q4_1,importance=none');
const file = await ggufBytes({ ...ggufSource(await openModel(files)), model: made });
const job = await testJob([{ path: 'model.gguf', blob: new Blob([file]) }], TEXTS, SIZES);
const context = { ...compressionContext(backend, job), dense: job.model, before: [], after: [] };

describe('of a file in Q4_1', () => {
  it('its own blocks are a way, least bytes first, and lose nothing', async () => {
    const palette = ggufPalette(job.model);
    expect(palette.linears).toContain('q4_1');
    const sites = await linearAlternatives(job.model, palette, context);
    for (const { alternatives } of sites) {
      expect(alternatives.map(({ way }) => way)).toEqual(['iq4_nl', 'q4_1', 'q5_0', 'q8_0']);
      expect(alternatives.filter(({ error }) => error === 0).map(({ way }) => way)).toEqual(['q4_1']);
    }
    const chosen = sites.flatMap(({ site }) => (site === 'tables' ? [] : [[site.layer, site.name, 'q4_1'] as const]));
    const recipe = palette.recipes(undefined, chosen);
    expect(recipe.at(-1)).toBe('gguf:type=q4_1');
  });

  it.each([600, 0])('the bytes of its linears give them back, with %d s of patience', async (patience) => {
    const palette = { ...ggufPalette(job.model), tables: ['q8_0'] };
    const shared = { palette, bytesOf: packedBytes, plainBytes: (shape: Shape) => 4 * elementCount(shape) };
    const outline = await runRecipe(backend, job, 'gguf:type=q4_1,table=q8_0');
    const targetBytes = [...storedWeights(outline)].reduce(
      (sum, { shape, packed }) => sum + (packed ? packedBytes(shape, packed) : shared.plainBytes(shape)),
      0,
    );
    const request = {
      ...shared,
      targetBytes,
      patience,
      held: job.evaluation,
      createScratch: async () => memoryScratch(),
    };
    const { candidates } = await solve(job.model, request, context);
    const best = await runRecipe(backend, job, candidates[0].recipe);
    for (const [i, { mlp }] of job.model.layers.entries()) {
      const found = best.layers[i].mlp.down_proj.weight;
      expect(found.dtype).toBe('Q4_1');
      expect((await found.read()).slice()).toEqual((await mlp.down_proj.weight.read()).slice());
    }
  });

  it('its codes are kept in integers with room for them', async () => {
    const entries = [
      { bits: 3, group: 32 },
      { bits: 4, group: 32 },
    ] as const;
    const sites = await linearAlternatives(job.model, integerPalette(entries, entries), context);
    for (const { alternatives } of sites) {
      expect(alternatives.map(({ error }) => error === 0)).toEqual([false, true]);
    }
  });
});

it('of floats is what it was', async () => {
  const { model } = await openModel(files);
  expect(ggufPalette(model).linears).not.toContain('q4_1');
  expect(ggufPalette(model).packing('q4_1', model.layers[0].mlp.down_proj.weight)).toBeUndefined();
});
