import { expect, it, vi } from 'vitest';
import { memoryKept } from '../../../test/support/memory_kept.ts';
import { type MemoryPlatform, memoryPlatform } from '../../../test/support/memory_platform.ts';
import { SLICE, source, started } from '../../../test/support/test_engine.ts';
import { WhittleError } from '../../errors/errors.ts';
import { type Imatrix, readImatrix, writeImatrix } from '../../formats/gguf/imatrix.ts';
import { blobSource } from '../../formats/source.ts';
import type { Engine } from '../engine.ts';
import type { EngineEvent, StepInput } from '../protocol.ts';
import { slicingRecipe } from '../slicing_recipe.ts';

const LAYERS = 3;
const model = () => source({ num_hidden_layers: LAYERS });

/** One storage for engines that come one after another. */
function session() {
  let platform: MemoryPlatform;
  const kept = memoryKept(() => platform);
  platform = memoryPlatform({ kept, createScratch: kept.createScratch });
  return { kept, platform, engine: () => started(platform, model()) };
}

type Job = (engine: Engine, emit: (event: EngineEvent) => void) => Promise<{ id: string }>;

const slice: Job = (engine, emit) => engine.run('compress', slicingRecipe(SLICE), emit);
const recipe =
  (...steps: StepInput[]): Job =>
  (engine, emit) =>
    engine.run('compress', { steps }, emit);

const GPTQ: StepInput = { method: 'gptq', options: { bits: 4, group: 8 } };
const JOBS: [string, Job, passes: number][] = [
  ['slicing', slice, 1],
  [
    'slicing with a head of its own',
    (engine, emit) => engine.run('compress', slicingRecipe({ ...SLICE, head: 'tied-sliced' }), emit),
    1,
  ],
  ['gptq', recipe(GPTQ), 1],
  ['gptq towards the dense stream', recipe({ method: 'correct' }, GPTQ), 1],
  [
    'slicing that recovers',
    recipe({ method: 'slicegpt', options: { sparsity: 0.25, round: 2 } }, { method: 'recover' }),
    1,
  ],
  ['awq behind slicing', recipe({ method: 'slicegpt', options: { sparsity: 0.25, round: 2 } }, GPTQ), 2],
];

async function hashes(engine: Engine, id: string): Promise<string[]> {
  const { files } = await engine.run('export', { id, options: { format: 'safetensors' } });
  return files.filter(({ name }) => name !== 'report.json').map(({ name, sha256 }) => `${name} ${sha256}`);
}

/** Runs a job and loses the engine in the layer, as a closed tab does: nothing is cleared up behind it. */
async function brokenOff(engine: Engine, job: Job, layer: number, pass: number): Promise<void> {
  let passes = 0;
  let before = -1;
  await new Promise<void>((resolve, reject) => {
    const dead = new Promise<never>(() => {});
    const onEvent = (event: EngineEvent) => {
      if (event.type !== 'progress' || event.layer === undefined) return;
      if (event.layer < before) passes += 1;
      before = event.layer;
      if (passes === pass && event.layer === layer) {
        resolve();
        throw dead;
      }
    };
    job(engine, onEvent).then(
      () => reject(new Error('It was done before it was broken off.')),
      () => undefined,
    );
  });
  // Whatever the thread would have cleared is not cleared by a tab that is gone.
  await new Promise((resolve) => setTimeout(resolve, 20));
}

it.each(JOBS)('%s goes on behind its last finished layer, to the same bytes', async (_, job, passes) => {
  const whole = session();
  const engine = await whole.engine();
  const { id } = await job(engine, () => {});
  const expected = await hashes(engine, id);

  const layer = LAYERS - 1;
  const { kept, engine: next } = session();
  const frozen = vi.spyOn(kept, 'remove').mockImplementation(async () => undefined);
  await brokenOff(await next(), job, layer, passes - 1);
  frozen.mockRestore();
  const after = await next();
  const { unfinished } = await after.run('restore', { runs: [] });
  expect(unfinished).toMatchObject({ layer, layers: LAYERS });
  const seen: number[] = [];
  const made = await job(after, (event) => {
    if (event.type === 'progress' && event.stage === 'compression' && event.layer !== undefined) seen.push(event.layer);
  });
  expect(Math.min(...seen), 'finished layers are not done again').toBe(layer);
  expect(await hashes(after, made.id)).toEqual(expected);
  expect([...kept.records.keys()]).not.toContain('checkpoint.json');
  await after.run('discard', { id: made.id });
});

it('a cancelled job leaves nothing behind, one on other texts begins anew', async () => {
  const { kept, engine: next } = session();
  const engine = await next();
  const controller = new AbortController();
  const job = engine.run(
    'compress',
    slicingRecipe(SLICE),
    (event) => event.type === 'progress' && event.layer === 2 && controller.abort(),
    controller.signal,
  );
  await expect(job).rejects.toMatchObject({ code: 'cancelled' });
  expect(kept.records.size).toBe(0);
  expect(kept.files.size).toBe(0);

  await brokenOff(engine, slice, 2, 0);
  const after = await next();
  await after.run('compress', slicingRecipe({ ...SLICE, sparsity: 0.5 }));
  expect([...kept.records.keys()].filter((name) => name.startsWith('run-'))).toHaveLength(1);
});

it('layers rounded by another importance matrix of the same name are not taken over', async () => {
  const { kept, platform, engine: next } = session();
  const writer = await next();
  const { folder, file } = await writer.run('write_imatrix', {});
  const bytes = platform.exports.get(folder)?.get(file.name) as Uint8Array<ArrayBuffer>;
  const own = await readImatrix(blobSource(file.name, new Blob([bytes.slice()])));
  const twice = [...own.entries].map(
    ([name, { sums, counts }]) => [name, { sums: sums.map((x) => 2 * x), counts }] as const,
  );
  const given = async (imatrix: Imatrix) => {
    const parts: BlobPart[] = [];
    for await (const part of writeImatrix(imatrix)) parts.push(part.slice());
    return new File(parts, 'mine.gguf');
  };
  const [first, other] = [await given(own), await given({ ...own, entries: new Map(twice) })];
  const job = recipe(GPTQ);
  const begun: number[] = [];
  for (const file of [first, other]) {
    const frozen = vi.spyOn(kept, 'remove').mockImplementation(async () => undefined);
    const lost = await next();
    await lost.run('set_imatrix', { file: first });
    await brokenOff(lost, job, 2, 0);
    frozen.mockRestore();
    const after = await next();
    await after.run('set_imatrix', { file });
    await after.run('restore', { runs: [] });
    const seen: number[] = [];
    const made = await job(after, (event) => {
      if (event.type === 'progress' && event.stage === 'compression' && event.layer !== undefined)
        seen.push(event.layer);
    });
    begun.push(Math.min(...seen));
    await after.run('discard', { id: made.id });
  }
  expect(begun).toEqual([2, 0]);
});

it('a full disk keeps finished layers, and the next try goes on from there', async () => {
  const { kept, platform, engine: next } = session();
  const engine = await next();
  let isFull = false;
  const { createScratch } = platform;
  platform.createScratch = async () => {
    const scratch = await createScratch();
    const full = () => Promise.reject(new WhittleError({ code: 'storage_full', message: 'No room.' }));
    return { ...scratch, append: (bytes) => (isFull ? full() : scratch.append(bytes)) };
  };
  const first = engine.run('compress', slicingRecipe(SLICE), (event) => {
    if (event.type === 'progress' && event.layer === 2) isFull = true;
  });
  await expect(first).rejects.toMatchObject({ code: 'storage_full', action: expect.stringContaining('goes on') });
  isFull = false;
  expect(kept.records.has('checkpoint.json')).toBe(true);
  const seen: number[] = [];
  const made = await engine.run('compress', slicingRecipe(SLICE), (event) => {
    if (event.type === 'progress' && event.layer !== undefined) seen.push(event.layer);
  });
  expect(Math.min(...seen)).toBe(2);
  const whole = await session().engine();
  expect(await hashes(engine, made.id)).toEqual(
    await hashes(whole, (await whole.run('compress', slicingRecipe(SLICE))).id),
  );
});
