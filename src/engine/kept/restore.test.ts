import { expect, it } from 'vitest';
import { memoryKept } from '../../../test/support/memory_kept.ts';
import { type MemoryPlatform, memoryPlatform } from '../../../test/support/memory_platform.ts';
import { failure, SLICE, source, started } from '../../../test/support/test_engine.ts';
import type { Engine } from '../engine.ts';
import type { StepInput } from '../protocol.ts';
import { slicingRecipe } from '../slicing_recipe.ts';

/** Two engines on one storage, one after the other: as before and after a reload. */
function session() {
  let platform: MemoryPlatform;
  const kept = memoryKept(() => platform);
  platform = memoryPlatform({ kept, createScratch: kept.createScratch });
  return { kept, platform };
}

async function hashes(engine: Engine, id: string): Promise<string[]> {
  const { files } = await engine.run('export', { id, options: { format: 'safetensors' } });
  return files.filter(({ name }) => name !== 'report.json').map(({ name, sha256 }) => `${name} ${sha256}`);
}

const RECIPES: [string, StepInput[]][] = [
  ['packed integers', [{ method: 'rtn', options: { bits: 4, group: 8 } }]],
  ['sparse matrices', [{ method: 'wanda', options: { pattern: '2:4' } }]],
  ['a matrix of two factors', [{ method: 'svd', options: { keep: 0.5 } }]],
  ['smaller linears, then integers', [{ method: 'width', options: { keep: 0.75 } }, { method: 'rtn' }]],
  ['fewer layers', [{ method: 'depth', options: { drop: 1 } }]],
  ['scales of inputs', [{ method: 'awq', options: { bits: 4, group: 8 } }]],
  ['an embedding in integers', [{ method: 'embed', options: { bits: 8 } }]],
];

it.each(RECIPES)('%s give the same bytes in the next engine', async (_, steps) => {
  const { kept, platform } = session();
  const before = await started(platform);
  const { id } = await before.run('compress', { steps });
  const { perplexity } = await before.run('evaluate', { target: id });
  const files = await hashes(before, id);

  const after = await started(platform);
  expect(await after.run('restore', { runs: [id] })).toMatchObject({ restored: [id], lost: [] });
  expect((await after.run('evaluate', { target: id })).perplexity).toBe(perplexity);
  expect(await hashes(after, id)).toEqual(files);
  await after.run('discard', { id });
  expect([...kept.records.keys()]).not.toContain(`run-${id}.json`);
  expect(kept.files.size, 'nothing of it is left but what the dense head reads').toBeLessThan(2);
});

it.each(['sequential', 'rotate-once'] as const)(
  'runs of a %s slicing come back with their figures and exports; the rest is removed',
  async (schedule) => {
    const { kept, platform } = session();
    const before = await started(platform);
    await before.run('evaluate', { target: 'dense' });
    const gone = await before.run('compress', slicingRecipe({ ...SLICE, sparsity: 0.5, schedule }));
    const slice = await before.run('compress', slicingRecipe({ ...SLICE, schedule }));
    const { perplexity } = await before.run('evaluate', { target: slice.id });
    const files = await hashes(before, slice.id);
    const abandoned = await kept.createScratch();
    await abandoned.append(new Uint8Array(8));

    const after = await started(platform);
    const report = await after.run('restore', { runs: [slice.id, 'slice-9'] });
    expect(report).toMatchObject({ restored: [slice.id], lost: [{ id: 'slice-9' }] });
    expect([...kept.records.keys()].sort()).toEqual(['dense.json', `run-${slice.id}.json`]);
    expect([...platform.exports.keys()]).toEqual([`${slice.id}.safetensors-stored`]);
    expect((await after.run('evaluate', { target: slice.id })).perplexity).toBe(perplexity);
    expect(await hashes(after, slice.id)).toEqual(files);
    expect(await failure(after.run('evaluate', { target: gone.id }))).toMatchObject({ code: 'bad_option' });
  },
);

it('a run is not put on another model, and its record stays for the right one', async () => {
  const { platform } = session();
  const before = await started(platform);
  const { id } = await before.run('compress', { steps: [{ method: 'rtn' }] });
  const other = await started(platform, source({ hidden_size: 32 }));
  const { lost } = await other.run('restore', { runs: [id] });
  expect(lost).toMatchObject([{ id, error: { code: 'bad_session' } }]);
  expect(lost[0].error?.message).toMatch(/made of a model with .* as weight/);
});

it('the fingerprint tells models apart, and not folders', async () => {
  const print = async (model: ReturnType<typeof source>) => {
    const { platform } = session();
    const engine = await started(platform, model);
    return (await engine.run('open', { source: await model })).fingerprint;
  };
  const model = await source();
  const moved = {
    ...model,
    files: (model.kind === 'files' ? model.files : []).map(({ path, file }) => ({ path: `else/${path}`, file })),
  };
  const own = await print(Promise.resolve(model));
  expect(own).toMatch(/^[0-9a-f]{64}$/);
  expect(await print(Promise.resolve(moved as typeof model))).toBe(own);
  expect(await print(source({ hidden_size: 32 }))).not.toBe(own);
});
