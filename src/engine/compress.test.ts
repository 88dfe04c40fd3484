/** The command `compress`: recipes end to end on a tiny model, each held to its plan, measured, exported and verified. */
import { describe, expect, it } from 'vitest';
import { memoryPlatform } from '../../test/support/memory_platform.ts';
import { failure, SLICE, started, TEXTS } from '../../test/support/test_engine.ts';
import { parseRecipe } from '../compress/recipe/recipe.ts';
import { memoryScratch } from '../models/scratch.ts';
import type { EngineEvent } from './protocol.ts';
import type { Report } from './report.ts';
import { slicingRecipe } from './slicing_recipe.ts';

const stepsOf = (text: string) => parseRecipe(text).steps;

describe('the command compress', () => {
  it.each([
    'rtn:bits=4,group=16',
    'rtn:bits=3,group=row; embed',
    'embed:bits=4,group=16; correct:ridge=1; rtn:bits=2,group=16,grid=minimum',
    'wanda:sparsity=0.5; rtn:bits=8,group=row',
    'w8a8; embed',
    'rptq:clusters=2,activation_bits=6',
    'slicegpt:sparsity=0.25,round=2; rtn:group=16',
    'slicegpt:sparsity=0.25,round=2; recover:inputs=true; embed',
    'tensor_train:ratio=1.2; awq:bits=3,group=16',
    'width:keep=0.7,units=channels,score=flap,budget=global,bias=true; rtn:bits=8,group=row',
    'depth; rtn:bits=8,group=row',
    'slicegpt:sparsity=0.25,round=2; heal:rank=2,steps=2; rtn:bits=8,group=row',
    'slicegpt:sparsity=0.25,round=2,schedule=rotate-once,head=untied; magnitude:pattern=2:4',
  ])('makes, measures and exports what the plan says: %s', async (recipe) => {
    const platform = memoryPlatform();
    const engine = await started(platform);
    const steps = stepsOf(recipe);
    const plan = await engine.run('plan', { steps });
    expect(plan.refusals).toEqual([]);
    const run = await engine.run('compress', { steps });
    for (const key of ['parameters', 'bytes', 'bits_per_weight', 'multiplications_per_token'] as const) {
      expect(run[key], key).toBe(plan[key]);
    }
    expect(run.steps.map(({ method }) => method)).toEqual(steps.map(({ method }) => method));
    const dense = await engine.run('evaluate', { target: 'dense' });
    const evaluation = await engine.run('evaluate', { target: run.id });
    expect(evaluation.divergence?.kl_divergence).toBeGreaterThan(0);
    const exported = await engine.run('export', { id: run.id });
    expect(exported.verified).toBe(true);
    const file = platform.exports.get(exported.folder)?.get('report.json');
    const [found] = (JSON.parse(new TextDecoder().decode(file)) as Report).runs;
    expect(found).toMatchObject({
      recipe: run.recipe,
      perplexity: evaluation.perplexity,
      perplexity_ratio: evaluation.perplexity / dense.perplexity,
      bytes: plan.bytes,
      kl_divergence: evaluation.divergence?.kl_divergence,
      decode_tokens_per_second: expect.any(Number),
      probability_change: { rms: expect.any(Number) },
      exports: [{ format: 'onnx', verified: true }],
    });
    await engine.run('discard', { id: run.id });
    expect(platform.exports.size).toBe(0);
  });

  it('exports rounded inputs where the format has them, and says where it has not', async () => {
    const engine = await started();
    const run = await engine.run('compress', { steps: stepsOf('zeroquant:bits=8,group=16,activation_bits=3') });
    const { perplexity } = await engine.run('evaluate', { target: run.id });
    const exported = (format: 'transformers.js' | 'safetensors') =>
      engine.run('export', { id: run.id, options: { format } });
    const graph = await exported('transformers.js');
    expect(graph.perplexity_in_app).toBe(perplexity);
    expect(graph.notes.join()).toContain('rounded in the graph and multiplied as floats');
    const weights = await exported('safetensors');
    expect(weights.verified).toBe(true);
    expect(Math.abs(weights.perplexity_in_app / perplexity - 1)).toBeGreaterThan(1e-4);
    expect(weights.notes.join()).toContain('no place for how inputs are rounded (int3 a token)');
  });

  it('says of one slicing what its bases are, and makes the same model of the same step again', async () => {
    const engine = await started();
    const slice = await engine.run('compress', slicingRecipe(SLICE));
    const made = await engine.run('compress', { steps: stepsOf('slicegpt:sparsity=0.25,round=2') });
    expect(made).toMatchObject({ recipe: slice.recipe, parts: slice.parts, bases: slice.bases });
    expect(made.bases).toMatchObject({ dimension: 12, head: 'tied', options: SLICE });
    expect(made.bases?.sites.length).toBe(made.bases?.discarded_energy.length);
    expect(made.parameters).toBe(slice.parameters);
    const { id } = slice;
    const [a, b] = [await engine.run('evaluate', { target: id }), await engine.run('evaluate', { target: made.id })];
    expect(b.perplexity).toBe(a.perplexity);
    expect(b.divergence).toEqual(a.divergence);
  });

  it('says of a dense model under another recipe that nothing diverges', async () => {
    const engine = await started();
    const { id } = await engine.run('compress', { steps: stepsOf('magnitude:sparsity=0') });
    const { divergence } = await engine.run('evaluate', { target: id });
    expect(divergence).toMatchObject({ top1_agreement: 1, top1_error: 0 });
    expect(divergence?.kl_divergence).toBeLessThan(1e-9);
  });

  it('refuses what the model does not permit before anything is made', async () => {
    const engine = await started();
    const { id } = await engine.run('compress', slicingRecipe(SLICE));
    await engine.run('discard', { id });
    const twice = stepsOf('slicegpt:round=2; slicegpt:round=2');
    expect((await engine.run('plan', { steps: twice })).refusals).toEqual([
      { step: expect.stringContaining('slicegpt'), reason: expect.stringContaining('sliced already') },
    ]);
    expect(await failure(engine.run('compress', { steps: twice }))).toMatchObject({
      code: 'not_sliceable',
      message: expect.stringContaining('sliced already'),
    });
    expect(await failure(engine.run('compress', { steps: [] }))).toMatchObject({ code: 'bad_option' });
  });

  it('refuses to compare inputs that a step before has scaled', async () => {
    const engine = await started();
    expect(
      await failure(engine.run('compress', { steps: stepsOf('awq:bits=2,group=16; gptq:delta=true') })),
    ).toMatchObject({
      code: 'bad_option',
      message: expect.stringContaining('scaled what the linears read'),
    });
  });

  it('cancels within a pass and keeps nothing', async () => {
    const engine = await started();
    const controller = new AbortController();
    const job = engine.run(
      'compress',
      { steps: stepsOf('correct; wanda') },
      (event) => {
        if (event.type === 'progress') controller.abort();
      },
      controller.signal,
    );
    expect(await failure(job)).toMatchObject({ code: 'cancelled' });
    const { current_gpu_bytes } = await engine.run('memory', {});
    expect(current_gpu_bytes).toBe(0);
  });

  it('goes on with a training that was cancelled, unless the texts are others', async () => {
    const engine = await started();
    const steps = stepsOf('magnitude:sparsity=0.5; heal:rank=2,steps=10,batch=1');
    const curve: number[] = [];
    const run = (stop?: (event: EngineEvent) => boolean) => {
      const controller = new AbortController();
      curve.length = 0;
      return engine.run(
        'compress',
        { steps },
        (event) => {
          if (event.type === 'training') curve.push(event.point.step);
          if (stop?.(event)) controller.abort();
        },
        controller.signal,
      );
    };
    const early = (event: EngineEvent) => event.type === 'progress' && event.step.includes('step 4 of 10');
    expect(await failure(run(early))).toMatchObject({ code: 'cancelled' });
    expect(curve).toEqual([0, 1, 2, 3]);
    // Already there when the first new step begins.
    expect(
      await failure(run((event) => event.type === 'progress' && event.step.includes('step 4 of 10'))),
    ).toBeDefined();
    expect(curve).toEqual([0, 1, 2, 3]);
    await engine.run('set_texts', { ...TEXTS, seqlen: 12 });
    expect(
      await failure(run((event) => event.type === 'progress' && event.step.includes('step 2 of 10'))),
    ).toBeDefined();
    expect(curve).toEqual([0, 1]);
  });

  it('starts from what an earlier recipe with the same first steps made, and from nothing else', async () => {
    let stores = 0;
    const platform = memoryPlatform({
      createScratch: async () => {
        stores++;
        return memoryScratch();
      },
    });
    const engine = await started(platform);
    const made = async (text: string) => {
      const before = stores;
      const run = await engine.run('compress', { steps: stepsOf(text) });
      return { run, passes: stores - before };
    };
    const first = await made('embed; rtn:group=16');
    expect(first.passes).toBe(2);
    await engine.run('discard', { id: first.run.id });
    const second = await made('embed; magnitude');
    expect(second.passes).toBe(1);
    expect(second.run.steps[0]).toEqual(first.run.steps[0]);
    expect((await made('embed:bits=4; magnitude')).passes).toBe(2);
    // The same numbers as made from the start.
    const { perplexity } = await engine.run('evaluate', { target: second.run.id });
    const other = await started();
    const { id } = await other.run('compress', { steps: stepsOf('embed; magnitude') });
    expect((await other.run('evaluate', { target: id })).perplexity).toBe(perplexity);
    // Other texts: what was calibrated with the old ones is not taken.
    await engine.run('set_texts', { ...TEXTS, samples: 3 });
    expect((await made('embed; rtn:group=16')).passes).toBe(2);
  });
});
