/**
 * Sliced families against an independent SliceGPT in f64 (`tools/family_sliced.py`: transformers' own attention and MLP
 * modules, torch's eigensolver), and WebGPU against the CPU with the head that each family takes by itself.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { backendsUnderTest, type TestedKind } from '../src/backend/testing.ts';
import { modelShape } from '../src/compress/slicegpt/model_shape.ts';
import { resolveHead } from '../src/compress/slicegpt/plan.ts';
import { countParameters } from '../src/models/model_size.ts';
import { evaluate, firstWindowLogits } from '../src/runtime/perplexity.ts';
import { families, family } from './fixtures/families/family_model.ts';
import { familyJob, oneWindow, worstLogit } from './support/golden.ts';
import { compress, EXACT_SEQUENTIAL, perplexity, relativeDifference } from './support/slice_job.ts';

const OPTIONS = { ...EXACT_SEQUENTIAL, round: 1, sparsity: 0.25 } as const;
/** Of the largest logit; an f32 basis near the cut costs more than f32 products. */
const LOGIT_BOUND = { cpu: 1e-6, wasm: 2e-4, webgpu: 2e-4 };
const LOSS_BOUND = { cpu: 1e-6, wasm: 5e-5, webgpu: 5e-5 };
/** A software adapter is slow: one model of each kind of block. */
const ON_WEBGPU = ['opt', 'phi', 'gpt_neox', 'qwen3'];
const TWINS = ['bloom', 'gptj', 'falcon_40b', 'gemma', 'granite'];

const references = (await families()).filter(({ sliced }) => sliced);
const backends = await backendsUnderTest();
const opened = new Map<TestedKind, Backend>();
beforeAll(async () => {
  for (const { kind, create } of backends) opened.set(kind, await create());
});
afterAll(() => {
  for (const backend of opened.values()) backend.dispose();
});

describe.each(backends)('on $kind, the independent implementation agrees', ({ kind }) => {
  const shown = references.filter(({ name }) => kind !== 'webgpu' || ON_WEBGPU.includes(name));
  it.each(shown)('$name', async ({ sliced: golden, runs, ...rest }) => {
    if (!golden) throw new Error('not a reference');
    const backend = opened.get(kind) as Backend;
    const job = await familyJob({ ...rest, runs, sliced: golden });
    const { model, sites } = await compress(backend, job, { ...OPTIONS, head: 'untied' });
    expect(sites[0].dimension).toBe(golden.dimension);
    expect(countParameters(model)).toBe(golden.parameters);
    const window = oneWindow(runs[0].input_ids);
    const found = await firstWindowLogits(backend, model, window);
    expect(worstLogit(found, golden.rows, golden.logits)).toBeLessThan(LOGIT_BOUND[kind]);
    const { windows } = await evaluate(backend, model, window);
    expect(Math.abs(windows[0].loss / golden.loss - 1)).toBeLessThan(LOSS_BOUND[kind]);
  });
});

describe('the other backends agree with the reference (relative 0.5 %)', () => {
  it.each(TWINS)('%s', async (name) => {
    const job = await familyJob(await family(name));
    const head = resolveHead('auto', modelShape(job.model));
    const measured: number[] = [];
    for (const backend of opened.values()) {
      const { model } = await compress(backend, job, { ...OPTIONS, head });
      measured.push(await perplexity(backend, model, job.evaluation));
    }
    const [reference, ...others] = measured;
    for (const found of others) expect(relativeDifference(found, reference)).toBeLessThan(5e-3);
  });
});
