import { afterEach, describe, expect, it, vi } from 'vitest';
import { memoryPlatform } from '../../test/support/memory_platform.ts';
import { seededText } from '../../test/support/slice_job.ts';
import { failure, SLICE, source, started, TEXTS, verifierOf } from '../../test/support/test_engine.ts';
import type { Backend } from '../backend/backend.ts';
import { WhittleError } from '../errors/errors.ts';
import { memoryScratch } from '../models/scratch.ts';
import { spansOf } from '../pulse/timeline.ts';
import { Engine } from './engine.ts';
import { totalElements } from './plan.ts';
import type { BasesReport, BosMode, EngineEvent } from './protocol.ts';
import type { Report } from './report.ts';
import { slicingRecipe } from './slicing_recipe.ts';

describe('the engine', () => {
  const events: EngineEvent[] = [];
  const emit = (event: EngineEvent) => events.push(event);
  afterEach(() => {
    events.length = 0;
  });

  it('opens, measures, slices and exports what onnxruntime-web confirms', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform);
    const dense = await engine.run('evaluate', { target: 'dense' }, emit);
    expect(events.filter(({ type }) => type === 'window')).toHaveLength(3);
    const last = events.findLast((event) => event.type === 'window');
    expect(last).toMatchObject({ perplexity: dense.perplexity, count: 3, index: 2 });

    const slice = await engine.run('compress', slicingRecipe(SLICE), emit);
    expect(slice).toMatchObject({ recipe: 'slicegpt:sparsity=0.25,round=2', bases: { head: 'tied', dimension: 12 } });
    expect(slice.parameters).toBe(totalElements(slice.parts));
    expect(slice.bases?.certificate.max_orthogonality_error).toBeLessThan(1e-6);
    expect(events.filter(({ type }) => type === 'site')).toHaveLength(slice.bases?.sites.length ?? 0);
    const fractions = events.flatMap((event) =>
      event.type === 'progress' && event.stage === 'compression' ? [event.fraction] : [],
    );
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    for (const event of events)
      if (event.type === 'progress' && event.layers) expect(event.layer).toBeLessThan(event.layers);

    const evaluation = await engine.run('evaluate', { target: slice.id }, emit);
    const exported = await engine.run('export', { id: slice.id }, emit);
    expect(exported.verified).toBe(true);
    expect(Math.abs(exported.perplexity / evaluation.perplexity - 1)).toBeLessThan(1e-3);
    expect(exported.max_abs_logit_difference).toBeLessThan(1e-3);
    const files = platform.exports.get(exported.folder) as Map<string, Uint8Array>;
    expect([...files.keys()].sort()).toEqual(exported.files.map(({ name }) => name).sort());
    expect([...files.keys()]).toEqual(
      expect.arrayContaining(['model.onnx', 'config.json', 'tokenizer.json', 'tokenizer_config.json', 'report.json']),
    );
    for (const { name, bytes } of exported.files) expect(files.get(name)).toHaveLength(bytes);
    const report = JSON.parse(new TextDecoder().decode(files.get('report.json'))) as Report;
    expect(report.dense.perplexity).toBe(dense.perplexity);
    expect(report.sliced[0]).toMatchObject({ sparsity: 0.25, dimension: 12, perplexity: evaluation.perplexity });
    expect(report.sliced[0].onnx).toMatchObject({ verified: true, perplexity: exported.perplexity });

    await engine.run('discard', { id: slice.id });
    expect(platform.exports.size).toBe(0);
  });

  it('reports the memory of the page as it was told since the model was opened, and nothing where it was not', async () => {
    const engine = await started();
    expect(await engine.run('memory', {})).not.toHaveProperty('peak_heap_bytes');
    for (const bytes of [5, 9, 7]) engine.heapMeasured(bytes);
    await engine.run('evaluate', { target: 'dense' }, emit);
    expect(events.findLast(({ type }) => type === 'progress')).toMatchObject({ memory: { peak_heap_bytes: 9 } });
    await engine.run('open', { source: await source() });
    expect(await engine.run('memory', {})).not.toHaveProperty('peak_heap_bytes');
  });

  it.each(['sequential', 'rotate-once'] as const)(
    'begins no %s slicing that the storage has no room for',
    async (schedule) => {
      let stores = 0;
      let free = 1000;
      const platform = memoryPlatform({
        freeStorage: async () => free,
        createScratch: async () => {
          stores++;
          return memoryScratch();
        },
      });
      const engine = await started(platform);
      expect(await failure(engine.run('compress', slicingRecipe({ ...SLICE, schedule })))).toMatchObject({
        code: 'storage_full',
        message: expect.stringMatching(/writes up to \d+ kB to the browser's storage, where 1 kB fit/),
        action: expect.stringContaining('Nothing was begun.'),
      });
      expect(stores).toBe(0);
      free = 10_000_000;
      await engine.run('compress', slicingRecipe({ ...SLICE, schedule }));
    },
  );

  it.each(['compress', 'export'] as const)('says what %s met on a full disk, and goes on after it', async (command) => {
    let isFull = false;
    const full = () => new DOMException('No room.', 'QuotaExceededError');
    const memory = memoryPlatform();
    const platform = {
      ...memory,
      freeStorage: async (needed: number) => (isFull ? 2500 : needed),
      createScratch: async () => {
        const scratch = memoryScratch();
        const append = async (bytes: Uint8Array) => {
          if (isFull) throw full();
          return scratch.append(bytes);
        };
        return { ...scratch, append, clear: () => scratch.clear() };
      },
      createExportFolder: async (id: string) => {
        const folder = await memory.createExportFolder(id);
        return { ...folder, create: (name: string) => (isFull ? Promise.reject(full()) : folder.create(name)) };
      },
    };
    const engine = await started(platform);
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    // It is asked for before the job; others fill the disk just then.
    const free = platform.freeStorage;
    platform.freeStorage = async (needed) => {
      const found = await free(needed);
      isFull = true;
      return found;
    };
    const run = () =>
      command === 'compress'
        ? engine.run('compress', slicingRecipe({ ...SLICE, sparsity: 0.5 }))
        : engine.run('export', { id });
    expect(await failure(run() as Promise<never>)).toMatchObject({
      code: 'storage_full',
      allowed: '3 kB fit now',
      action: expect.stringMatching(/^What was finished before stays.*1 run of this model.*then try again\.$/),
    });
    expect(memory.exports.size).toBe(0);
    isFull = false;
    platform.freeStorage = free;
    await run();
  });

  it('estimates in the report of an export all that its model went through', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform, source({ hidden_size: 64, intermediate_size: 160 }));
    const reported = async () => {
      const { id } = await engine.run('compress', slicingRecipe(SLICE));
      const { folder } = await engine.run('export', { id });
      const file = platform.exports.get(folder)?.get('report.json');
      return (JSON.parse(new TextDecoder().decode(file)) as Report).memory;
    };
    const sliced = await reported();
    await engine.run('calibrate', { fusion: 'exact' });
    const calibrated = await reported();
    expect(calibrated.peak_gpu_bytes).toBeGreaterThan(sliced.peak_gpu_bytes);
    for (const { estimated_gpu_bytes, peak_gpu_bytes } of [sliced, calibrated]) {
      expect(estimated_gpu_bytes).toBeGreaterThanOrEqual(peak_gpu_bytes);
    }
  });

  it('says when evaluation windows were calibrated on too', async () => {
    const engine = await started();
    expect(await engine.run('set_texts', TEXTS)).not.toHaveProperty('shared_windows');
    const same = await engine.run('set_texts', { ...TEXTS, evaluation: TEXTS.calibration });
    expect(same.shared_windows).toBe(TEXTS.eval_samples);
  });

  it('puts BOS where it is asked to, into both texts, and verifies exports on the same windows', async () => {
    const engine = await started(memoryPlatform(), source({ tokenizer_config: { bos_token: '<|endoftext|>' } }));
    const measured = async (bos: BosMode | 'auto') => {
      const protocol = await engine.run('set_texts', { ...TEXTS, bos });
      const { perplexity } = await engine.run('evaluate', { target: 'dense' });
      return { bos: protocol.bos, perplexity, exported: await engine.run('export', { id: 'dense' }) };
    };
    const found = [await measured('auto'), await measured('first'), await measured('each')];
    expect(found.map(({ bos }) => bos)).toEqual(['none', 'first', 'each']);
    expect(new Set(found.map(({ perplexity }) => perplexity)).size).toBe(3);
    for (const { exported, perplexity } of found) {
      expect(exported.verified).toBe(true);
      expect(exported.perplexity / perplexity).toBeCloseTo(1, 3);
    }
  });

  it('refuses BOS of a tokenizer that has none', async () => {
    const engine = await started();
    const error = await failure(engine.run('set_texts', { ...TEXTS, bos: 'first' }));
    expect(error).toMatchObject({ code: 'bad_option', place: { field: 'bos' }, allowed: 'none' });
  });

  it('exports weights as external data on request', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform, source({ hidden_size: 32 }));
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const exported = await engine.run('export', { id, options: { external_data: 'always' } });
    expect(exported.files.map(({ name }) => name)).toContain('model.onnx.data');
    expect(exported.verified).toBe(true);
  });

  it('calibrates once and serves every sparsity of rotate-once from it', async () => {
    const engine = await started();
    const calibrated = await engine.run('calibrate', { fusion: 'exact' }, emit);
    const sites = events.filter(({ type }) => type === 'site').length;
    expect(calibrated.sites).toHaveLength(sites);
    events.length = 0;
    for (const sparsity of [0, 0.25, 0.5]) {
      const slice = await engine.run('compress', slicingRecipe({ ...SLICE, schedule: 'rotate-once', sparsity }), emit);
      const { sites } = slice.bases as BasesReport;
      expect(sites.map(({ eigenvalues }) => eigenvalues)).toEqual(
        calibrated.sites.slice(0, sites.length).map(({ eigenvalues }) => eigenvalues),
      );
    }
    expect(events.filter((event) => event.type === 'site')).toHaveLength(0);
  });

  it('removes an export that does not give the perplexity that was shown', async () => {
    const platform = memoryPlatform({
      openVerifier: verifierOf(async (_, windows) => ({
        window_losses: new Array<number>(windows.count).fill(3),
        first_logits: new Float32Array(),
        version: 'none',
      })),
    });
    const engine = await started(platform);
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const error = await failure(engine.run('export', { id }));
    expect(error.code).toBe('verification_failed');
    expect(error.message).toMatch(/20\.0855.*the app/);
    expect(platform.exports.size).toBe(0);
  });

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

  it('reports the calibration that a model was made with, also when the texts have changed since', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform);
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const other = { kind: 'text', name: 'another text', text: seededText(9, 500) } as const;
    await engine.run('set_texts', { ...TEXTS, calibration: other, samples: 2, seqlen: 24 });
    const evaluation = await engine.run('evaluate', { target: id });
    expect(evaluation.protocol).toMatchObject({
      seqlen: 24,
      samples: 4,
      calibration: { name: 'calibration', seqlen: 16 },
    });
    const { folder } = await engine.run('export', { id });
    const file = platform.exports.get(folder)?.get('report.json');
    const report = JSON.parse(new TextDecoder().decode(file)) as Report;
    expect(report.protocol).toMatchObject({ calibration: 'calibration', samples: 4 });
    // A view of two of the others, for readers of older reports.
    const { total, calibration_and_slicing: _, ...parts } = report.timings_ms;
    expect(total).toBeCloseTo(
      Object.values(parts).reduce((sum, ms) => sum + ms, 0),
      6,
    );
  });

  it('forgets what was sliced on another backend', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform);
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    await engine.run('start', { backend: 'cpu' });
    expect((await failure(engine.run('evaluate', { target: id }))).message).toMatch(/no compressed model/);
    await expect(engine.run('evaluate', { target: 'dense' })).resolves.toMatchObject({ target: 'dense' });
  });

  it('plans bytes and parameters exactly for a model of mixed types', async () => {
    for (const pattern of [/embed_tokens/, /layers/]) {
      const mixed = source({
        tied: false,
        edit: (tensors) => tensors.map((tensor) => (pattern.test(tensor.name) ? { ...tensor, dtype: 'F16' } : tensor)),
      });
      const platform = memoryPlatform();
      const engine = new Engine(platform);
      await engine.run('start', { backend: 'cpu' });
      const { shape } = await engine.run('open', { source: await mixed });
      await engine.run('set_texts', TEXTS);
      const slice = await engine.run('compress', slicingRecipe(SLICE));
      expect(slice.stored_bytes).toBe(totalElements(slice.parts) * shape.bytes_per_element);
    }
  });

  it('can be cancelled while the logits of an export are compared', async () => {
    const controller = new AbortController();
    const real = memoryPlatform();
    const platform = memoryPlatform({
      openVerifier: verifierOf(async (...job) => {
        const result = await real.openVerifier('wasm').verify(...job);
        controller.abort();
        return result;
      }),
    });
    const engine = await started(platform);
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const job = engine.run('export', { id }, undefined, controller.signal);
    expect((await failure(job)).code).toBe('cancelled');
    expect(platform.exports.size).toBe(0);
  });

  it('opens a verifier for each build that the format is for, and closes them whatever comes of it', async () => {
    const real = memoryPlatform();
    const told: string[] = [];
    const platform = memoryPlatform({
      openVerifier(build) {
        told.push(`open ${build}`);
        const { verify, generate } = real.openVerifier(build);
        return {
          generate,
          verify: (...job) => verify(...job).finally(() => told.push(`verified ${job[1].count}`)),
          close: () => told.push('close'),
        };
      },
      async createExportFolder(id) {
        told.push('write');
        return real.createExportFolder(id);
      },
    });
    const engine = await started(platform);
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    await engine.run('export', { id });
    // They load while files are written, and run side by side. Closing twice does no harm.
    expect(told.slice(0, 3)).toEqual(['open wasm', 'open webgpu', 'write']);
    const ends = ['close', 'close', 'close', 'close', 'verified 1', `verified ${TEXTS.eval_samples}`];
    expect(told.slice(3).sort()).toEqual(ends);
    told.length = 0;
    await engine.run('export', { id, options: { format: 'transformers.js' } });
    expect(told).toEqual(['open webgpu', 'write', `verified ${TEXTS.eval_samples}`, 'close', 'close']);
    told.length = 0;
    await engine.run('export', { id, options: { format: 'safetensors' } });
    expect(told).toEqual(['write']);
    told.length = 0;
    platform.createExportFolder = () => Promise.reject(new Error('no room'));
    await failure(engine.run('export', { id }));
    expect(told).toEqual(['open wasm', 'open webgpu', 'close', 'close']);
  });

  it('refuses a file whose logits are not of the right size', async () => {
    const real = memoryPlatform();
    const platform = memoryPlatform({
      openVerifier: verifierOf(async (...job) => ({
        ...(await real.openVerifier('wasm').verify(...job)),
        first_logits: new Float32Array(7),
      })),
    });
    const engine = await started(platform);
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const error = await failure(engine.run('export', { id }));
    expect(error).toMatchObject({ code: 'verification_failed', message: expect.stringContaining('gives 7 logits') });
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
