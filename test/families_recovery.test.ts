/**
 * `recover` on every kind of block that may be sliced: where nothing is cut away there is nothing to take back, whatever the
 * norms, biases, multipliers and branches are; where something is, it helps. In f64 on the CPU.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { families } from './fixtures/families/family_model.ts';
import { familyJob } from './support/golden.ts';
import { judge, runRecipe } from './support/recipe_job.ts';
import { perplexity, relativeDifference } from './support/slice_job.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());

const KINDS = /^(llama|opt|gemma|granite|nemotron|gpt_neox|gptj|falcon_40b|phi|cohere|bloom)$/;
const ALL = (await families()).filter(({ name }) => KINDS.test(name));

describe('recover', () => {
  it.each(ALL.map((family) => [family.name, family] as const))('has nothing to do for %s uncut', async (_, family) => {
    const job = await familyJob(family);
    const dense = await perplexity(backend, job.model, job.evaluation);
    const whole = 'slicegpt:sparsity=0,round=1; recover:ridge=0.01,inputs=true,input_ridge=0.01';
    const made = await runRecipe(backend, job, whole);
    expect(relativeDifference(await perplexity(backend, made, job.evaluation), dense)).toBeLessThan(1e-5);
  });

  it.each(ALL.map((family) => [family.name, family] as const))('gives the stream of %s back', async (_, family) => {
    const { calibration, ...rest } = await familyJob(family);
    // On the calibration windows themselves: these models have far too few tokens to show anything on others.
    const job = { ...rest, calibration, evaluation: calibration };
    const measure = judge(backend, job);
    const divergence = async (recipe: string) => (await measure(await runRecipe(backend, job, recipe))).kl;
    const cut = 'slicegpt:sparsity=0.5,round=1';
    const plain = await divergence(cut);
    const recovered = await divergence(`${cut}; recover:ridge=0.01`);
    expect(recovered, `${recovered} against ${plain}`).toBeLessThan(0.9 * plain);
    const all = await divergence(`${cut}; recover:ridge=0.01,inputs=true,input_ridge=0.01`);
    expect(all, `${all} against ${plain}`).toBeLessThan(0.9 * plain);
  });

  it('is refused with bases that are fixed beforehand', async () => {
    const job = await familyJob(ALL[0]);
    const recipe = 'slicegpt:sparsity=0.25,schedule=rotate-once; recover';
    await expect(runRecipe(backend, job, recipe)).rejects.toThrow('schedule=sequential');
  });
});
