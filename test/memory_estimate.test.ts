/** The memory that a job is told to need, against what it then takes: never less, at most 1.3 times as much. */
import { openAsBlob } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { backendsUnderTest, isFull } from '../src/backend/testing.ts';
import { estimateEvaluation, estimateSlicing, type JobMemory } from '../src/compress/slicegpt/estimate.ts';
import { modelShape } from '../src/compress/slicegpt/model_shape.ts';
import { constantDimensions, type HeadKind, type Schedule, sliceDimension } from '../src/compress/slicegpt/plan.ts';
import { slicegpt } from '../src/compress/slicegpt/slicegpt.ts';
import type { ModelFile } from '../src/formats/hf/files.ts';
import { memoryScratch } from '../src/models/scratch.ts';
import { DenseInputs, evaluateBeside, evaluateDense, headWidth } from '../src/runtime/compare.ts';
import { keptLogitsBytes } from '../src/runtime/kept_logits.ts';
import type { SpillOptions } from '../src/runtime/spill.ts';
import { family } from './fixtures/families/family_model.ts';
import { type TinyLlamaOptions, tinyLlama } from './fixtures/tiny_llama.ts';
import { hasShared, sharedModelFiles } from './shared.ts';
import { familyJob } from './support/golden.ts';
import { compressionContext, seededText, type TestJob, testJob } from './support/slice_job.ts';

const WORST = 1.3;
const TEXTS = { calibration: seededText(1, 700), evaluation: seededText(2, 700) };
const LLAMA: TinyLlamaOptions = { hidden_size: 64, intermediate_size: 160, num_hidden_layers: 3, vocab_size: 300 };

interface Case {
  name: string;
  job: () => Promise<TestJob>;
  sparsity: number;
  schedule: Schedule;
  head: HeadKind;
  /** Slow on a software adapter: with WHITTLE_FULL=1 only. */
  isSlow?: boolean;
  /** Bytes of states that may stay on the device. */
  budget?: number;
}

const tiny =
  (options: TinyLlamaOptions, seqlen = 32) =>
  async () =>
    testJob(await tinyLlama({ ...LLAMA, ...options }), TEXTS, { seqlen, samples: 8, eval_samples: 2 });
const ofFamily = (name: string) => async () => familyJob(await family(name));
const demo = async () => {
  const folder = fileURLToPath(new URL('../public/demo/', import.meta.url));
  const names = ['config.json', 'tokenizer.json', 'model.safetensors'];
  const files: ModelFile[] = await Promise.all(
    names.map(async (name) => ({ path: `demo/${name}`, blob: await openAsBlob(`${folder}${name}`) })),
  );
  return testJob(files, TEXTS, { seqlen: 64, samples: 2, eval_samples: 1 });
};

const stories = async () =>
  testJob(await sharedModelFiles('stories260k'), TEXTS, { seqlen: 64, samples: 4, eval_samples: 1 });

const SEQUENTIAL = { sparsity: 0.25, schedule: 'sequential' } as const;
const ROTATE_ONCE = { sparsity: 0.25, schedule: 'rotate-once' } as const;

const CASES: Case[] = [
  { name: 'llama, F32', job: tiny({}), ...SEQUENTIAL, head: 'untied', isSlow: true },
  { name: 'llama, F16, states in storage', job: tiny({ dtype: 'F16' }, 300), ...SEQUENTIAL, head: 'tied', budget: 1 },
  { name: 'llama, wide MLP', job: tiny({ intermediate_size: 400 }), ...ROTATE_ONCE, head: 'tied-sliced' },
  { name: 'opt: LayerNorm, learned positions', job: ofFamily('opt'), ...ROTATE_ONCE, head: 'sliced' },
  { name: 'gptj: parallel', job: ofFamily('gptj'), ...SEQUENTIAL, head: 'untied' },
  { name: 'granite: scaled branches', job: ofFamily('granite'), ...ROTATE_ONCE, head: 'untied' },
  { name: 'granite', job: ofFamily('granite'), ...SEQUENTIAL, head: 'untied', isSlow: true },
  {
    name: 'llama, biases',
    job: tiny({ attention_bias: true, mlp_bias: true }),
    ...SEQUENTIAL,
    head: 'untied',
    isSlow: true,
  },
  { name: 'the built-in model', job: demo, ...SEQUENTIAL, head: 'tied', isSlow: true },
  ...(hasShared ? [{ name: 'stories260k', job: stories, ...SEQUENTIAL, head: 'tied-sliced' } as const] : []),
];

async function run(backend: Backend, { job: open, sparsity, schedule, head, budget }: Case) {
  const job = await open();
  const shape = modelShape(job.model);
  const dimensions = constantDimensions(shape, sliceDimension(shape.hidden_size, sparsity, 1), head);
  const { seqlen, count: samples } = job.calibration;
  const plan = {
    backend: backend.info,
    windows: { seqlen, samples, eval_samples: job.evaluation.count },
    stateBudgetBytes: budget,
  };
  const measure = async (work: () => Promise<unknown>) => {
    await backend.sync();
    backend.memory.peakBytes = backend.memory.currentBytes;
    await work();
    return backend.memory.peakBytes;
  };
  const spill: SpillOptions | undefined =
    budget === undefined ? undefined : { budgetBytes: budget, createScratch: async () => memoryScratch() };
  const found: { what: string; measured: number; estimate: JobMemory }[] = [];
  // The dense model's logits are there all the time.
  const logits = keptLogitsBytes(backend.info, plan.windows, job.model.lm_head.weight.shape, job.model.config);
  const inputs = new DenseInputs(memoryScratch(), headWidth(job.model), seqlen);
  const dense = await measure(() =>
    evaluateDense(backend, job.model, { ...job.evaluation, seqlen }, inputs, { checkWeights: true }),
  );
  found.push({ what: 'evaluating', measured: dense, estimate: estimateEvaluation(shape, plan) });
  let sliced: Awaited<ReturnType<typeof slicegpt.compress>> | undefined;
  const options = { sparsity, round: 1, schedule, fusion: 'exact', head, dimensions } as const;
  const slicing = await measure(async () => {
    sliced = await slicegpt.compress(job.model, options, { ...compressionContext(backend, job), spill });
  });
  found.push({
    what: 'slicing',
    measured: slicing,
    estimate: estimateSlicing(shape, { ...plan, schedule, head, dimensions }),
  });
  const model = (sliced as NonNullable<typeof sliced>).model;
  const again = await measure(() => evaluateBeside(backend, job.model, inputs, model, job.evaluation));
  found.push({
    what: 'evaluating the sliced',
    measured: again,
    estimate: estimateEvaluation(shape, plan, { head, dimensions }),
  });
  await inputs.clear();
  return found.map(({ estimate, ...one }) => ({
    ...one,
    estimate: { ...estimate, device_bytes: estimate.device_bytes + logits },
  }));
}

for (const { kind, create } of await backendsUnderTest()) {
  describe(`estimated memory on ${kind}`, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend.dispose());

    const cases = CASES.filter(({ isSlow }) => kind !== 'webgpu' || !isSlow || isFull);
    it.each(cases)('$name: $schedule, $head', async (one) => {
      for (const { what, measured, estimate } of await run(backend, one)) {
        const ratio = estimate.device_bytes / measured;
        if (process.env.WHITTLE_MEMORY)
          console.log(one.name, kind, what, measured, ratio.toFixed(3), JSON.stringify(estimate.breakdown));
        expect.soft(ratio, what).toBeGreaterThanOrEqual(1);
        expect.soft(ratio, what).toBeLessThanOrEqual(WORST);
      }
    });
  });
}
