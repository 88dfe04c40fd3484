import { describe, expect, it, vi } from 'vitest';
import { memoryPlatform } from '../../test/support/memory_platform.ts';
import { failure, SLICE, started } from '../../test/support/test_engine.ts';
import type { Backend } from '../backend/backend.ts';
import { WhittleError } from '../errors/errors.ts';
import { memoryScratch } from '../models/scratch.ts';
import { spansOf } from '../pulse/timeline.ts';
import { Engine } from './engine.ts';
import { slicingRecipe } from './slicing_recipe.ts';

describe('an engine that is broken off', () => {
  it('cancels at any moment, frees device memory and goes on', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform);
    const [backend] = platform.backends;
    const before = backend.memory.currentBytes;
    for (const cancelAt of [0, 1, 3, 6]) {
      for (const kind of ['compress', 'evaluate', 'calibrate'] as const) {
        const controller = new AbortController();
        let seen = 0;
        const cancelling = () => {
          if (seen++ === cancelAt) controller.abort();
        };
        if (cancelAt === 0) controller.abort();
        const request = {
          compress: slicingRecipe(SLICE),
          evaluate: { target: 'dense' },
          calibrate: { fusion: 'exact' },
        }[kind];
        const job = engine.run(kind, request as never, cancelling, controller.signal);
        if (controller.signal.aborted || cancelAt < 6)
          expect((await failure(job)).code, `${kind} at ${cancelAt}`).toBe('cancelled');
        else await job.catch(() => undefined);
        expect(backend.memory.currentBytes).toBe(before);
      }
    }
    await expect(engine.run('compress', slicingRecipe(SLICE))).resolves.toMatchObject({ bases: { dimension: 12 } });
  });

  it.each(['sequential', 'rotate-once'] as const)('stores nothing more once cancelled, %s', async (schedule) => {
    const controller = new AbortController();
    const appended: number[] = [];
    const platform = memoryPlatform({
      async createScratch() {
        const scratch = memoryScratch();
        const append = (bytes: Uint8Array) => {
          if (appended.push(bytes.byteLength) === 8) controller.abort();
          return scratch.append(bytes);
        };
        return { ...scratch, append };
      },
    });
    const engine = await started(platform);
    const job = engine.run('compress', slicingRecipe({ ...SLICE, schedule }), undefined, controller.signal);
    expect((await failure(job)).code).toBe('cancelled');
    expect(appended).toHaveLength(8);
  });

  it('runs commands in the order they were sent', async () => {
    const engine = await started();
    const order: string[] = [];
    await Promise.all([
      engine.run('evaluate', { target: 'dense' }).then(() => order.push('evaluate')),
      engine.run('memory', {}).then(() => order.push('memory')),
    ]);
    expect(order).toEqual(['evaluate', 'memory']);
  });

  it('tells what was done when beside the job that runs, and nothing once that is over', async () => {
    const engine = await started();
    await engine.run('timeline', { record: true });
    const order: string[] = [];
    await Promise.all([
      engine.run('evaluate', { target: 'dense' }).then(() => order.push('evaluate')),
      engine.run('timeline', {}).then(() => order.push('timeline')),
    ]);
    expect(order).toEqual(['timeline', 'evaluate']);
    const spans = spansOf(await engine.run('timeline', {}));
    const [command, ...others] = spans.filter(({ name }) => name === 'evaluate');
    expect(others).toEqual([]);
    const steps = spans.filter(({ kind }) => kind === 'step');
    expect(new Set(steps.map(({ name }) => name))).toEqual(
      new Set(['dense evaluation: forward pass', 'dense evaluation: head and loss']),
    );
    for (const [i, { start, end }] of steps.entries()) {
      expect(start).toBeGreaterThanOrEqual(i > 0 ? steps[i - 1].end : command.start);
      expect(end).toBeGreaterThanOrEqual(start);
    }
    // The last one ends as its command is left.
    expect(steps.at(-1)?.end).toBeLessThan(command.end + 50);
    await engine.run('timeline', { record: false });
    await engine.run('evaluate', { target: 'dense' });
    expect(await engine.run('timeline', {})).toEqual([]);
  });

  it('keeps the open model when another cannot be opened', async () => {
    const engine = await started();
    const file = new File(['hello'], 'notes.txt');
    const error = await failure(
      engine.run('open', { source: { kind: 'files', files: [{ path: 'notes.txt', file }] } }),
    );
    expect(error.code).toBe('not_a_model');
    await expect(engine.run('compress', slicingRecipe(SLICE))).resolves.toMatchObject({ bases: { dimension: 12 } });
  });

  it('forgets what was sliced on another backend', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform);
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    await engine.run('start', { backend: 'cpu' });
    expect((await failure(engine.run('evaluate', { target: id }))).message).toMatch(/no compressed model/);
    await expect(engine.run('evaluate', { target: 'dense' })).resolves.toMatchObject({ target: 'dense' });
  });

  it('gets a new device after a loss and keeps what was done', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform);
    const slice = await engine.run('compress', slicingRecipe(SLICE));
    const [backend] = platform.backends;
    vi.spyOn(backend, 'sync').mockRejectedValueOnce(new WhittleError({ code: 'device_lost', message: 'gone' }));
    expect((await failure(engine.run('evaluate', { target: slice.id }))).code).toBe('device_lost');
    await expect(engine.run('evaluate', { target: slice.id })).resolves.toMatchObject({ target: slice.id });
    expect(platform.backends).toHaveLength(2);
    expect(backend.memory.currentBytes).toBe(0);
  });

  it('takes the CPU where there is no WebGPU, and says so when WebGPU was asked for', async () => {
    const cpu = memoryPlatform();
    const noWebGpu = new WhittleError({ code: 'no_webgpu', message: 'none here' });
    const platform = memoryPlatform({
      createBackend: async (kind) => (kind === 'cpu' ? cpu.createBackend('cpu') : Promise.reject(noWebGpu)),
    });
    const engine = new Engine(platform);
    await expect(engine.run('start', { backend: 'auto' })).resolves.toMatchObject({ kind: 'cpu' });
    expect((await failure(engine.run('start', { backend: 'webgpu' }))).code).toBe('no_webgpu');
  });

  it.each([true, false])(
    'takes the CPU before a software adapter, but a GPU before the CPU (%s)',
    async (isSoftware) => {
      const { createBackend } = memoryPlatform();
      const made: Backend[] = [];
      const platform = memoryPlatform({
        createBackend: async (kind) => {
          const backend = await createBackend(kind);
          const info = { ...backend.info, kind, isFallbackAdapter: kind === 'webgpu' && isSoftware };
          made.push(Object.defineProperty(backend, 'info', { value: info }));
          vi.spyOn(backend, 'dispose');
          return backend;
        },
      });
      const engine = new Engine(platform);
      const kind = isSoftware ? 'cpu' : 'webgpu';
      await expect(engine.run('start', { backend: 'auto' })).resolves.toMatchObject({ kind });
      expect(made[0].dispose).toHaveBeenCalledTimes(isSoftware ? 1 : 0);
      // Asked for, a software adapter is used.
      await expect(engine.run('start', { backend: 'webgpu' })).resolves.toMatchObject({ kind: 'webgpu' });
    },
  );
});
