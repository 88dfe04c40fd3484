/** The memory that recipes and the search for one are told to need, against what they then take. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { backendsUnderTest, isFull } from '../src/backend/testing.ts';
import { evaluationMemory, passMemory } from '../src/compress/memory/recipe_memory.ts';
import type { PassContext } from '../src/compress/method.ts';
import { passesOf } from '../src/compress/recipe/passes.ts';
import { parseRecipe } from '../src/compress/recipe/recipe.ts';
import type { JobMemory } from '../src/compress/slicegpt/estimate.ts';
import type { DecoderModel } from '../src/models/decoder_model.ts';
import { memoryScratch } from '../src/models/scratch.ts';
import { DenseInputs, evaluateBeside, evaluateDense, headWidth } from '../src/runtime/compare.ts';
import { keptLogitsBytes } from '../src/runtime/kept_logits.ts';
import { family } from './fixtures/families/family_model.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { familyJob } from './support/golden.ts';
import { compressionContext, seededText, type TestJob, testJob } from './support/slice_job.ts';

const TEXTS = { calibration: seededText(1, 900), evaluation: seededText(2, 900) };
const LLAMA = {
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 3,
  vocab_size: 300,
  num_key_value_heads: 2,
};
/** What stands for the rest on a software adapter: integers, a training, a smaller stack, layers that take turns. */
const QUICK = new Set([
  'gptq:bits=4,group=32',
  'llm_pruner:keep=0.7',
  'depth:drop=1,replace=linear',
  'w8a8:smooth=0.5',
]);
/** Told by taken. */
const [LEAST, MOST] = [1, 1.3];

const llama = async () => testJob(await tinyLlama(LLAMA), TEXTS, { seqlen: 32, samples: 8, eval_samples: 2 });
const gptj = async () => familyJob(await family('gptj'));

const CASES: readonly (readonly [name: string, job: () => Promise<TestJob>, recipe: string])[] = [
  ['llama', llama, 'gptq:bits=4,group=32'],
  ['llama', llama, 'embed:bits=8; correct:ridge=auto; gptq:bits=3,group=32'],
  ['llama', llama, 'gptq:bits=4,group=32,delta=true'],
  ['llama', llama, 'awq:bits=4,group=32'],
  ['llama', llama, 'wanda:sparsity=0.5; rtn:bits=8,group=row'],
  ['llama', llama, 'w8a8:smooth=0.5'],
  ['llama', llama, 'width:keep=0.7,units=channels'],
  ['llama', llama, 'llm_pruner:keep=0.7'],
  ['llama', llama, 'loraprune:keep=0.7,rank=8,steps=2,batch=2'],
  ['llama', llama, 'gum:keep=0.7,rank=8,steps=2,batch=2'],
  ['llama', llama, 'magnitude:sparsity=0.5; heal:loss=hidden,rank=8,steps=2,batch=2'],
  ['llama', llama, 'depth:drop=1,replace=none'],
  ['llama', llama, 'depth:drop=1,replace=linear'],
  ['llama', llama, 'slicegpt:sparsity=0.25; recover:ridge=1; gptq:bits=4,group=16'],
  ['gptj: parallel', gptj, 'correct:ridge=1; gptq:bits=4,group=16'],
];

for (const { kind, create } of await backendsUnderTest()) {
  describe(`estimated memory of recipes on ${kind}`, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await create();
    });
    afterAll(() => backend.dispose());

    const taken = async (work: () => Promise<unknown>) => {
      await backend.sync();
      const { currentBytes } = backend.memory;
      backend.memory.peakBytes = currentBytes;
      await work();
      return backend.memory.peakBytes;
    };

    const cases = CASES.filter(([, , recipe]) => kind !== 'webgpu' || isFull || QUICK.has(recipe));
    it.each(cases)('%s: %s', async (name, open, recipe) => {
      const job = await open();
      const dense = job.model;
      const { seqlen, count: samples } = job.calibration;
      const plan = { backend: backend.info, windows: { seqlen, samples, eval_samples: job.evaluation.count } };
      const found: { what: string; measured: number; told: JobMemory }[] = [];
      let model: DecoderModel = dense;
      for (const pass of passesOf(parseRecipe(recipe).steps)) {
        const { method, step, before, after } = pass;
        const told = passMemory(pass, model, dense, plan);
        const context: PassContext = { ...compressionContext(backend, job), dense, before, after };
        let made = model;
        const measured = await taken(async () => {
          made = (await method.run?.(model, step.options as never, context))?.model ?? model;
        });
        // A walk over weights takes nothing of the device.
        if (measured > 1e5) found.push({ what: step.method, measured, told });
        model = made;
      }
      const inputs = new DenseInputs(memoryScratch(), headWidth(dense), seqlen);
      await evaluateDense(backend, dense, job.evaluation, inputs);
      const measured = await taken(async () => {
        await evaluateBeside(backend, dense, inputs, model, job.evaluation, { measuresDecoding: true });
      });
      const told = evaluationMemory(model, dense, plan);
      const device_bytes =
        told.device_bytes + keptLogitsBytes(backend.info, plan.windows, dense.lm_head.weight.shape, dense.config);
      found.push({ what: 'measuring', measured, told: { ...told, device_bytes } });
      await inputs.clear();
      for (const { what, measured, told } of found) {
        const ratio = told.device_bytes / measured;
        if (process.env.WHITTLE_MEMORY)
          console.log(name, kind, recipe, what, measured, ratio.toFixed(3), JSON.stringify(told.breakdown));
        expect.soft(ratio, what).toBeGreaterThanOrEqual(LEAST);
        expect.soft(ratio, what).toBeLessThanOrEqual(MOST);
      }
    });
  });
}
