/** Every stage of a job, broken off in its middle as a closed tab does it: the next engine comes to the same files as an unbroken job. */
import { expect, it, vi } from 'vitest';
import { memoryKept } from '../../../test/support/memory_kept.ts';
import { type MemoryPlatform, memoryPlatform } from '../../../test/support/memory_platform.ts';
import { SLICE, source, started } from '../../../test/support/test_engine.ts';
import { parseRecipe } from '../../compress/recipe/recipe.ts';
import type { Engine } from '../engine.ts';
import type { EngineEvent, Stage } from '../protocol.ts';
import { slicingRecipe } from '../slicing_recipe.ts';

type Emit = (event: EngineEvent) => void;
type Job = (engine: Engine, emit: Emit) => Promise<string>;

const model = () => source({ num_hidden_layers: 3 });

/** One storage for engines that come one after another. */
function session() {
  let platform: MemoryPlatform;
  const kept = memoryKept(() => platform);
  platform = memoryPlatform({ kept, createScratch: kept.createScratch });
  return { kept, engine: () => started(platform, model()) };
}

/** Makes a model, measures and exports it. @returns The hashes of what was written. */
async function madeBy(make: (engine: Engine, emit: Emit) => Promise<{ id: string }>, engine: Engine, emit: Emit) {
  const { id } = await make(engine, emit);
  const { perplexity } = await engine.run('evaluate', { target: id }, emit);
  const { files } = await engine.run('export', { id, options: { format: 'safetensors' } }, emit);
  const hashes = files.filter(({ name }) => name !== 'report.json').map(({ name, sha256 }) => `${name} ${sha256}`);
  await engine.run('discard', { id });
  return [perplexity, ...hashes].join('\n');
}

const slicing =
  (options: Partial<typeof SLICE>): Job =>
  (engine, emit) =>
    madeBy((each, tell) => each.run('compress', slicingRecipe({ ...SLICE, ...options }), tell), engine, emit);
const recipe =
  (text: string): Job =>
  (engine, emit) =>
    madeBy((each, tell) => each.run('compress', { steps: parseRecipe(text).steps }, tell), engine, emit);
const solving: Job = (engine, emit) =>
  madeBy(
    async (each, tell) => {
      const { candidates } = await each.run('solve', { target: { share: 0.6 }, format: 'onnx' }, tell);
      return each.run('compress', { steps: parseRecipe(candidates[0].recipe).steps }, tell);
    },
    engine,
    emit,
  );

const HEAL = 'magnitude:sparsity=0.5; heal:rank=2,steps=8,batch=1';

/** In which stage, and after how many signs of it. */
const CASES: [string, Job, Stage | 'training', number][] = [
  ['the dense model’s spectra, for rotate-once', slicing({ schedule: 'rotate-once' }), 'calibration', 3],
  ['rotating and slicing with them', slicing({ schedule: 'rotate-once' }), 'compression', 3],
  ['depth pruning', recipe('depth:drop=1,replace=linear'), 'compression', 2],
  ['width pruning', recipe('width:keep=0.75,units=channels'), 'compression', 5],
  ['width pruning by one budget', recipe('width:keep=0.75,units=channels,budget=global'), 'compression', 8],
  ['the search for a size', solving, 'search', 20],
  ['healing', recipe(HEAL), 'training', 3],
  ['an evaluation', recipe('rtn:bits=8,group=8'), 'evaluation', 2],
  ['an export', recipe('rtn:bits=8,group=8'), 'export', 1],
  ['a verification', recipe('rtn:bits=8,group=8'), 'verification', 1],
];

/** Loses the engine there: nothing of it runs on, and nothing is cleared up behind it. */
async function lostIn(engine: Engine, job: Job, stage: Stage | 'training', after: number): Promise<void> {
  let seen = 0;
  await new Promise<void>((resolve, reject) => {
    job(engine, (event) => {
      if (event.type !== stage && !(event.type === 'progress' && event.stage === stage)) return;
      seen += 1;
      if (seen < after) return;
      resolve();
      throw new Promise<never>(() => {});
    }).then(
      () => reject(new Error(`It was done after ${seen} signs of ${stage}.`)),
      () => undefined,
    );
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
}

it.each(CASES)('%s', async (_, job, stage, after) => {
  const expected = await job(await session().engine(), () => {});
  const { kept, engine } = session();
  const frozen = vi.spyOn(kept, 'remove').mockImplementation(async () => undefined);
  await lostIn(await engine(), job, stage, after);
  frozen.mockRestore();
  const next = await engine();
  await next.run('restore', { runs: [] });
  expect(await job(next, () => {})).toBe(expected);
});

it('healing goes on behind its last checkpoint, in the next engine too, and leaves nothing behind', async () => {
  const { kept, engine } = session();
  const frozen = vi.spyOn(kept, 'remove').mockImplementation(async () => undefined);
  await lostIn(await engine(), recipe(HEAL), 'training', 4);
  frozen.mockRestore();
  expect([...kept.records.keys()]).toContain('training.json');
  const next = await engine();
  await next.run('restore', { runs: [] });
  const trained: string[] = [];
  await recipe(HEAL)(next, (event) => {
    if (event.type === 'progress' && /training, step/.test(event.step)) trained.push(event.step);
  });
  expect(trained[0]).not.toMatch(/step 1 of/);
  expect([...kept.records.keys()]).not.toContain('training.json');
  await next.run('restore', { runs: [] });
  expect(kept.files.size).toBe(0);
});

it('a training of another recipe begins anew', async () => {
  const { kept, engine } = session();
  const frozen = vi.spyOn(kept, 'remove').mockImplementation(async () => undefined);
  await lostIn(await engine(), recipe(HEAL), 'training', 3);
  frozen.mockRestore();
  const next = await engine();
  await next.run('restore', { runs: [] });
  const first: number[] = [];
  await recipe('magnitude:sparsity=0.5; heal:rank=3,steps=8,batch=1')(next, (event) => {
    if (event.type === 'training') first.push(event.point.step);
  });
  expect(first[0]).toBe(0);
});
