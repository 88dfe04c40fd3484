import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import { evaluationMemory } from '../compress/memory/recipe_memory.ts';
import { estimateEvaluation, estimateSlicing } from '../compress/slicegpt/estimate.ts';
import { modelShape } from '../compress/slicegpt/model_shape.ts';
import { constantDimensions } from '../compress/slicegpt/plan.ts';
import { outlineOf } from '../models/map_weights.ts';
import { openModel } from '../models/open_model.ts';
import { keptLogitsBytes } from '../runtime/kept_logits.ts';
import { estimateJob, type MemoryJob, memoryVerdict, storageNeed } from './memory_plan.ts';

const { model } = await openModel(await tinyLlama({ hidden_size: 64, intermediate_size: 160 }));
const shape = modelShape(model);
const backend = { kind: 'webgpu', architecture: '', isFallbackAdapter: true, maxTensorBytes: 2 ** 30 } as const;
const windows = { seqlen: 32, samples: 8, eval_samples: 4 };
const slice = { schedule: 'sequential', head: 'untied', dimensions: constantDimensions(shape, 48, 'untied') } as const;
const job: MemoryJob = { shape, backend, windows, slices: [slice] };

describe('memory of a job', () => {
  it('is that of its costliest step', () => {
    const plan = { backend, windows };
    const steps = [
      estimateEvaluation(shape, plan),
      estimateSlicing(shape, { ...plan, ...slice }),
      estimateEvaluation(shape, plan, slice),
    ];
    // The dense model's logits stay all the time.
    const logits = keptLogitsBytes(backend, plan.windows, [shape.vocab_size, shape.hidden_size], shape);
    expect(estimateJob(job).device_bytes - logits).toBe(Math.max(...steps.map(({ device_bytes }) => device_bytes)));
    expect(estimateJob({ ...job, slices: [] })).toMatchObject({
      ...{ step: 'perplexity', host: steps[0].host, storage: steps[0].storage },
      device_bytes: steps[0].device_bytes + logits,
    });
    expect(estimateJob(job).storage).toEqual(steps[1].storage);
  });

  it('grows with the windows, up to the budget of states', () => {
    const long = (samples: number) => estimateJob({ ...job, windows: { ...windows, seqlen: 8192, samples } });
    expect(long(64).device_bytes).toBeGreaterThan(long(8).device_bytes);
    expect(long(600).device_bytes).toBe(long(400).device_bytes);
    expect(long(600).storage.spill - long(400).storage.spill).toBe(200 * 8192 * 64 * 4);
  });

  it('of an evaluation holds for groups of fewer windows, which a slow machine makes, too', () => {
    // Of as many tokens as the head has columns, blocks of the vocabulary and their logits are both as large as they get.
    const wide = { ...shape, hidden_size: 576, vocab_size: 49_152 };
    const outline = outlineOf(model);
    const { lm_head } = outline;
    const weight = { ...lm_head.weight, shape: [2 ** 20, 64] };
    const large = { ...outline, lm_head: { ...lm_head, weight } };
    for (const kind of ['webgpu', 'cpu'] as const) {
      const plan = (eval_samples: number) => ({
        backend: { ...backend, kind, isFallbackAdapter: false },
        windows: { ...windows, seqlen: 256, eval_samples },
      });
      const most = (bytes: (samples: number) => number) => [1, 2, 3, 4, 5, 6, 7, 8].map(bytes);
      for (const bytes of [
        most((samples) => estimateEvaluation(wide, plan(samples)).device_bytes),
        most((samples) => evaluationMemory(large, undefined, plan(samples)).device_bytes),
        most((samples) => evaluationMemory(large, large, plan(samples)).device_bytes),
      ]) {
        expect(bytes, kind).toEqual([...bytes].sort((a, b) => a - b));
      }
    }
  });

  it('needs room for spilled states, stored weights and the bases that rotate-once keeps, together', () => {
    expect(storageNeed({ spill: 1, weights: 20, bases: 300 })).toBe(321);
    const kept = { ...slice, schedule: 'rotate-once' } as const;
    const { storage } = estimateJob({ ...job, slices: [slice, kept] });
    expect(storage.bases).toBeGreaterThan(0);
    expect(storage).toEqual(estimateSlicing(shape, { backend, windows, ...kept }).storage);
  });

  it('has a verdict against storage and the largest binding', () => {
    const planned = estimateJob(job);
    const need = storageNeed(planned.storage);
    expect(memoryVerdict(planned, job)).toEqual({ fits: true, notes: [] });
    expect(memoryVerdict(planned, job, { storage_bytes: need })).toEqual({ fits: true, notes: [] });
    const full = memoryVerdict(planned, job, { storage_bytes: need - 1 });
    expect(full.fits).toBe(false);
    expect(full.notes[0]).toMatch(/kB more fit into the browser's storage, and .* kB are needed: use fewer or shorter/);
    const small = { shape, backend: { ...backend, maxTensorBytes: 4 * 64 * 160 - 4 } };
    expect(memoryVerdict(planned, small).notes[0]).toMatch(/kept in parts/);
  });

  it('has a verdict against the memory of the machine where that is what tensors take', () => {
    const planned = estimateJob(job);
    const room = { memory_bytes: planned.device_bytes };
    expect(memoryVerdict(planned, job, room).fits).toBe(true);
    const onCpu = { shape, backend: { ...backend, kind: 'cpu' } } as const;
    const verdict = memoryVerdict(planned, onCpu, room);
    expect(verdict.fits).toBe(false);
    expect(verdict.notes[0]).toMatch(/machine tells of .* are needed/);
    expect(memoryVerdict(planned, onCpu, { memory_bytes: 2 ** 33 })).toEqual({ fits: true, notes: [] });
  });
});
