/** Recipes that round what linears read: WebGPU beside the CPU backend, and steps before and behind them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createNodeWebGpuBackend } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { inputLabels } from '../src/models/input_quantization.ts';
import { describeWithShared, readSharedText, sharedModelFiles } from './shared.ts';
import { meanOfRuns } from './support/noise.ts';
import { judge, runRecipe } from './support/recipe_job.ts';
import { relativeDifference, type TestJob, testJob } from './support/slice_job.ts';

const webgpu = await createNodeWebGpuBackend();
/** With one cluster: which of several a feature joins may hang on the last digit of its range. */
const RECIPES = ['w8a8:smooth=0.5', 'llm_int8:threshold=2', 'rptq:clusters=1,activation_bits=8'];
/** Runs of either backend that are averaged. */
const RUNS: Record<string, readonly [cpu: number, webgpu: number]> = { 'w8a8:smooth=0.5': [8, 2] };

describeWithShared('recipes that round inputs', () => {
  let job: TestJob;
  let backend: Backend;
  beforeAll(async () => {
    const text = (part: string) => readSharedText('text', `stories.${part}.txt`);
    const texts = { calibration: text('calibration'), evaluation: text('evaluation') };
    const sizes = { seqlen: 64, samples: 4, eval_samples: 16 };
    job = await testJob(await sharedModelFiles('stories260k'), texts, sizes);
    backend = createWasmBackend();
  });
  afterAll(() => {
    backend.dispose();
    webgpu?.dispose();
  });

  it.skipIf(!webgpu).each(RECIPES)('%s: WebGPU as the CPU backend', async (recipe) => {
    const gpu = webgpu as Backend;
    const [runs, others] = RUNS[recipe] ?? [1, 1];
    const own = await meanOfRuns(backend, job, recipe, runs);
    const other = await meanOfRuns(gpu, job, recipe, others);
    expect(own.bytes).toBe(other.bytes);
    expect(relativeDifference(own.perplexity, other.perplexity)).toBeLessThan(5e-3);
    expect(Math.abs(own.kl - other.kl)).toBeLessThan(Math.max(0.05 * own.kl, 2e-5));
  });

  it('goes on with what stands behind it: gptq keeps how inputs are rounded', async () => {
    const model = await runRecipe(backend, job, 'w8a8:smooth=0.5; gptq:bits=4,group=32');
    expect(inputLabels(model)).toEqual(['int8 a token']);
    const { perplexity } = await judge(backend, job)(model);
    const alone = await judge(backend, job)(await runRecipe(backend, job, 'gptq:bits=4,group=32'));
    expect(relativeDifference(perplexity, alone.perplexity)).toBeLessThan(0.05);
  });

  it('takes correct before it, and refuses to be sliced', async () => {
    const model = await runRecipe(backend, job, 'correct:ridge=1; w8a8:smooth=0.5');
    expect(inputLabels(model)).toEqual(['int8 a token']);
    await expect(runRecipe(backend, job, 'w8a8; slicegpt:sparsity=0.25')).rejects.toThrow('put slicegpt first');
  });

  it('awq behind fixed grids scales nothing', async () => {
    const model = await runRecipe(backend, job, 'rptq; awq:bits=4,group=32');
    expect(inputLabels(model)).toEqual(['int8 in 8 clusters']);
    const before = job.model.layers[0].input_layernorm?.weight;
    expect(model.layers[0].input_layernorm?.weight).toBe(before);
  });
});
