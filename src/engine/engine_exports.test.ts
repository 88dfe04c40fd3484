import { describe, expect, it } from 'vitest';
import { memoryPlatform } from '../../test/support/memory_platform.ts';
import { failure, SLICE, source, started, TEXTS, verifierOf } from '../../test/support/test_engine.ts';
import { memoryScratch } from '../models/scratch.ts';
import type { Report } from './report.ts';
import { slicingRecipe } from './slicing_recipe.ts';
import type { VerifyResult } from './verify/session.ts';
import { sharesOf } from './verify/shares.ts';

describe('exports of the engine', () => {
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

  it('compares with what the head read when the model was measured, if the file holds those very numbers', async () => {
    let attended = 0;
    const attentionDuring = async (work: () => Promise<unknown>) => {
      attended = 0;
      await work();
      return attended;
    };
    const memory = memoryPlatform();
    const platform = {
      ...memory,
      async createBackend() {
        const backend = await memory.createBackend('cpu');
        const attention = backend.attention.bind(backend);
        backend.attention = (args) => {
          attended++;
          attention(args);
        };
        return backend;
      },
    };
    const engine = await started(platform, source({ hidden_size: 32 }));
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    await engine.run('evaluate', { target: id });
    const layers = await attentionDuring(() => engine.run('evaluate', { target: id, quick: true }));
    expect(layers).toBeGreaterThan(0);
    const stored = await engine.run('export', { id });
    expect(stored.max_abs_logit_difference).toBeLessThan(1e-3);
    expect(await attentionDuring(() => engine.run('export', { id, options: { external_data: 'always' } }))).toBe(0);
    expect(await attentionDuring(() => engine.run('export', { id, options: { precision: 'int8' } }))).toBeGreaterThan(
      0,
    );
  });

  it('exports weights as external data on request', async () => {
    const platform = memoryPlatform();
    const engine = await started(platform, source({ hidden_size: 32 }));
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const exported = await engine.run('export', { id, options: { external_data: 'always' } });
    expect(exported.files.map(({ name }) => name)).toContain('model.onnx.data');
    expect(exported.verified).toBe(true);
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
    const shares = sharesOf(TEXTS.eval_samples, 2);
    const verified = shares.map((windows) => `verified ${windows.length}`);
    const ends = ['close', 'close', 'close', 'close', ...verified].sort();
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

  describe.each([3, 4])('of %i windows, one build', (eval_samples) => {
    const FAULTS: Record<string, { change: (result: VerifyResult) => VerifyResult; says: RegExp }> = {
      'is wrong for a window': {
        change: (result) => ({
          ...result,
          window_losses: result.window_losses.map((loss, i) => (i === 0 ? loss + 0.02 : loss)),
        }),
        says: /the app for the same windows/,
      },
      'gives no number': {
        change: (result) => ({ ...result, window_losses: result.window_losses.map(() => Number.NaN) }),
        says: /NaN in onnxruntime-web's build "webgpu"/,
      },
    };
    it.each(Object.keys(FAULTS))('%s: the export is removed', async (what) => {
      const real = memoryPlatform();
      const { change, says } = FAULTS[what];
      const platform = memoryPlatform({
        openVerifier(build) {
          const { verify, ...rest } = real.openVerifier(build);
          return {
            ...rest,
            verify: async (...job) => (build === 'webgpu' ? change(await verify(...job)) : verify(...job)),
          };
        },
      });
      const engine = await started(platform);
      await engine.run('set_texts', { ...TEXTS, eval_samples });
      const { id } = await engine.run('compress', slicingRecipe(SLICE));
      const error = await failure(engine.run('export', { id }));
      expect(error).toMatchObject({ code: 'verification_failed', message: expect.stringMatching(says) });
      expect(platform.exports.size).toBe(0);
    });

    it('runs its share of the windows, and is compared with the logits of the first of them', async () => {
      const engine = await started();
      await engine.run('set_texts', { ...TEXTS, eval_samples });
      const { id } = await engine.run('compress', slicingRecipe(SLICE));
      const { runtimes, max_abs_logit_difference } = await engine.run('export', { id });
      expect(runtimes.map(({ windows }) => windows)).toEqual([2, eval_samples - 2]);
      expect(max_abs_logit_difference).toBeGreaterThan(0);
      expect(max_abs_logit_difference).toBeLessThan(1e-3);
    });
  });

  it('is refused where faults of its windows make up for each other', async () => {
    const real = memoryPlatform();
    const platform = memoryPlatform({
      openVerifier(build) {
        const { verify, ...rest } = real.openVerifier(build);
        const mixed: typeof verify = async (...job) => {
          const { window_losses, ...result } = await verify(...job);
          const [first, second] = window_losses;
          return { ...result, window_losses: build === 'webgpu' ? [first + 0.01, second - 0.01] : window_losses };
        };
        return { ...rest, verify: mixed };
      },
    });
    const engine = await started(platform);
    await engine.run('set_texts', { ...TEXTS, eval_samples: 4 });
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const error = await failure(engine.run('export', { id }));
    expect(error).toMatchObject({
      code: 'verification_failed',
      message: expect.stringMatching(/build "webgpu" for window 2, the app for the same/),
    });
    expect(platform.exports.size).toBe(0);
  });

  it.each([0, 1])('tells how far the logits of build %i are from the app’s of the same window', async (which) => {
    const real = memoryPlatform();
    const platform = memoryPlatform({
      openVerifier(build, ...rest) {
        const verifier = real.openVerifier(build, ...rest);
        const verify: typeof verifier.verify = async (...job) => {
          const result = await verifier.verify(...job);
          if (build === ['wasm', 'webgpu'][which]) result.first_logits[result.first_logits.length - 1] += 0.25;
          return result;
        };
        return { ...verifier, verify, close: () => verifier.close() };
      },
    });
    const engine = await started(platform);
    await engine.run('set_texts', { ...TEXTS, eval_samples: 3 });
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    const { max_abs_logit_difference } = await engine.run('export', { id });
    expect(Math.abs(max_abs_logit_difference - 0.25)).toBeLessThan(1e-3);
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
});
