/** Adapters exported alone: base and adapter, opened again, are the model that was made; and why some runs have none. */
import { describe, expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { memoryKept } from '../../../test/support/memory_kept.ts';
import { type MemoryPlatform, memoryPlatform } from '../../../test/support/memory_platform.ts';
import { seededText } from '../../../test/support/slice_job.ts';
import { failure, source, started, TEXTS } from '../../../test/support/test_engine.ts';
import { isFull } from '../../backend/testing.ts';
import { parseRecipe } from '../../compress/recipe/recipe.ts';
import type { Engine } from '../engine.ts';
import type { ExportReport, ModelSource } from '../protocol.ts';

const STEPS = 'rank=4,steps=4,lr=0.02,batch=2';
const LONGER = {
  calibration: { kind: 'text', name: 'calibration', text: seededText(5, 900) },
  ...{ samples: 12, seqlen: 32 },
} as const;
const PEFT = { format: 'peft' } as const;
const f16 = () => source({ hidden_size: 32, intermediate_size: 64, dtype: 'F16' });

async function ofFamily(name: string): Promise<ModelSource> {
  const files = await familyFiles(await family(name));
  return { kind: 'files', files: files.map(({ path, blob }) => ({ path, file: new File([blob], path) })) };
}

async function made(engine: Engine, recipe: string): Promise<string> {
  const { id } = await engine.run('compress', { steps: parseRecipe(recipe).steps });
  return id;
}

const asFiles = (platform: MemoryPlatform, { folder }: ExportReport, as: string) =>
  [...(platform.exports.get(folder) as Map<string, Uint8Array>)].map(([name, bytes]) => ({
    path: `${as}/${name}`,
    file: new File([bytes.slice()], name),
  }));

const folder = (platform: MemoryPlatform, report: ExportReport): ModelSource => ({
  kind: 'files',
  files: asFiles(platform, report, 'base'),
});

/** The perplexity of a base with an adapter, as somebody opens both. */
async function together(base: ModelSource, adapter: { path: string; file: File }[], texts = TEXTS): Promise<number> {
  if (base.kind !== 'files') throw new Error('no files');
  const engine = await started(
    memoryPlatform(),
    Promise.resolve({ kind: 'files', files: [...base.files, ...adapter] }),
  );
  await engine.run('set_texts', texts);
  return (await engine.run('evaluate', { target: 'dense' })).perplexity;
}

const textOf = (files: { path: string; file: File }[], name: string) =>
  files.find(({ path }) => path.endsWith(name))?.file.text() as Promise<string>;

describe('an adapter alone', () => {
  it.each([
    ['of the open model', 'rft:', ''],
    ['of a sliced model', 'rft:', 'slicegpt:sparsity=0.25'],
    ['of a narrower one that learnt layer by layer', 'heal:loss=hidden,', 'width:keep=0.5'],
  ])('%s is verified with its base, and opens with the base’s own export', async (_, train, before) => {
    const platform = memoryPlatform();
    const engine = await started(platform, f16());
    const texts = { ...TEXTS, ...LONGER };
    await engine.run('set_texts', texts);
    const id = await made(
      engine,
      `${before && `${before}; `}${train}${train.includes('hidden') ? 'rank=4,steps=20,lr=0.01,batch=2' : STEPS}`,
    );
    const { perplexity } = await engine.run('evaluate', { target: id });
    const exported = await engine.run('export', { id, options: PEFT });
    expect(exported.verified).toBe(true);
    expect(exported.files.map(({ name }) => name)).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'README.md',
      'report.json',
    ]);
    expect([...platform.exports.keys()], 'the base was there for the check alone').toEqual([exported.folder]);
    const adapter = asFiles(platform, exported, 'adapter');
    expect(await textOf(adapter, 'README.md')).toContain(before === '' ? 'as it was opened' : before);
    expect(exported.notes[0]).toContain(before === '' ? 'as it was opened' : before);
    const run = before === '' ? 'dense' : await made(engine, before);
    const base = folder(platform, await engine.run('export', { id: run, options: { format: 'safetensors' } }));
    expect((await together(base, adapter, texts)) / perplexity - 1).toBeCloseTo(0, 3);
    expect(Math.abs((await together(base, [], texts)) / perplexity - 1), 'it does something').toBeGreaterThan(0.01);
  });

  it.each(isFull ? ['gpt2', 'phi3', 'falcon_40b'] : ['gpt2', 'phi3'])(
    'of %s has one pair of factors for linears that are stored as one',
    async (name) => {
      const platform = memoryPlatform();
      const engine = await started(platform, ofFamily(name));
      const id = await made(engine, `rft:${STEPS}`);
      const exported = await engine.run('export', { id, options: PEFT });
      const adapter = asFiles(platform, exported, 'adapter');
      const config = JSON.parse(await textOf(adapter, 'adapter_config.json'));
      expect(new Set(Object.values(config.rank_pattern))).toContain(12);
      expect(config.fan_in_fan_out).toBe(name === 'gpt2');
      const { perplexity } = await engine.run('evaluate', { target: id });
      expect((await together(await ofFamily(name), adapter)) / perplexity - 1).toBeCloseTo(0, 3);
    },
  );

  it('of QLoRA says that its base was held in NF4, and is checked with that', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform, f16());
    const id = await made(engine, `qlora:${STEPS}`);
    const exported = await engine.run('export', { id, options: PEFT });
    expect(exported.notes[0]).toContain('in NF4');
    const adapter = asFiles(platform, exported, 'adapter');
    const { perplexity } = await engine.run('evaluate', { target: id });
    const onFloats = await together(await f16(), adapter);
    expect(Math.abs(exported.perplexity / perplexity - 1)).toBeLessThan(1e-3);
    expect(Math.abs(onFloats / perplexity - 1)).toBeGreaterThan(1e-3);
  });

  it('outlives its engine', async () => {
    let platform: MemoryPlatform;
    const kept = memoryKept(() => platform);
    platform = memoryPlatform({ kept, createScratch: kept.createScratch });
    const before = await started(platform, f16());
    const id = await made(before, `width:keep=0.5; heal:${STEPS}`);
    const sums = ({ files }: ExportReport) => files.slice(0, 2).map(({ sha256 }) => sha256);
    const first = sums(await before.run('export', { id, options: PEFT }));
    const after = await started(platform, f16());
    await after.run('restore', { runs: [id] });
    expect(sums(await after.run('export', { id, options: PEFT }))).toEqual(first);
  });

  it.each([
    ['the model as it was opened', '', 'nothing was trained'],
    ['a run whose last step trains nothing', `heal:${STEPS}; rtn`, 'last step of the recipe trains no adapter'],
    ['integers', `rtn:bits=4,group=16; heal:${STEPS.replace('0.02', '0.5')}`, 'rounding of integers'],
    ['what is sparse', `wanda:pattern=2:4; heal:${STEPS}`, 'through a mask'],
    ['weights that were trained whole', `width:keep=0.5; heal:norms=true,${STEPS}`, 'norms=false'],
    ['scales', 'rtn:bits=4,group=16; peqa:steps=4,batch=2', 'Scales were trained'],
    ['units that were cut', `loraprune:keep=0.5,${STEPS}`, 'cut out of the model'],
  ])('is refused for %s, with the reason', async (_, recipe, reason) => {
    const platform = memoryPlatform();
    const engine = await started(platform, f16());
    const id = recipe === '' ? 'dense' : await made(engine, recipe);
    const error = await failure(engine.run('export', { id, options: PEFT }));
    expect(error).toMatchObject({
      code: 'bad_option',
      message: expect.stringContaining(reason),
      place: { field: 'format' },
    });
    expect(error.action).toMatch(/Export the model itself/);
    expect([...platform.exports.keys()]).toEqual([]);
  });

  it('is planned for recipes that end in a training, and for no others', async () => {
    const engine = await started(memoryPlatform(), f16());
    const refusals = async (recipe: string) => {
      const { files } = await engine.run('plan', { steps: parseRecipe(recipe).steps, formats: ['peft'] });
      return files.map(({ refusal }) => refusal);
    };
    expect(await refusals(`heal:${STEPS}`)).toEqual([undefined]);
    expect(await refusals('rtn')).toEqual([expect.stringContaining('trains no adapter')]);
  });
});
