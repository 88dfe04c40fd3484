/**
 * @file Recipes that round what linears read, measured several times: a rounding that tips over in the first layer moves those of all layers
 * behind it. Noise of 1e-7 in the attention's scale moves the divergence of `w8a8:smooth=0.5` by 2 % (standard deviation, 4,080 tokens) to
 * 8 % (252 tokens), those of other such recipes by 0.2 to 1 %: a mean of several runs can be held as closely as one of the others.
 */
import type { AttentionArgs, Backend } from '../../src/backend/backend.ts';
import { denseOf, judge, type Measured, runRecipe } from './recipe_job.ts';
import type { TestJob } from './slice_job.ts';

const NOISE = 1e-7;

/** The backend, with attention's scale off by so many times 1e-7. */
export function noisy(backend: Backend, times: number): Backend {
  const attention = (args: AttentionArgs) => backend.attention({ ...args, scale: args.scale * (1 + times * NOISE) });
  return new Proxy(backend, {
    get(target, name) {
      if (name === 'attention') return attention;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** What a recipe makes of the job's model, measured: means of `runs` runs, the first without noise. Bytes and counts are the same in all. */
export async function meanOfRuns(backend: Backend, job: TestJob, recipe: string, runs: number): Promise<Measured> {
  const found: Measured[] = [];
  // Without noise: what rounds nothing is moved by no more than the noise itself.
  const dense = denseOf(backend, job);
  for (let times = 0; times < runs; times++) {
    const on = noisy(backend, times);
    found.push(await judge(on, job, dense)(await runRecipe(on, job, recipe)));
  }
  const mean = (figure: 'perplexity' | 'kl' | 'top1') => found.reduce((sum, each) => sum + each[figure], 0) / runs;
  return { ...found[0], perplexity: mean('perplexity'), kl: mean('kl'), top1: mean('top1') };
}
