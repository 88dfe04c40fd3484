/** Pruning while training on a tiny model: what is cut is what was silenced, gone units stay gone, same bits, refusals, cancel. */
import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { memoryCheckpoint } from '../../../test/support/memory_checkpoint.ts';
import { compressionContext, seededText, testJob } from '../../../test/support/slice_job.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { type DecoderModel, storedWeights } from '../../models/decoder_model.ts';
import { outlineOf } from '../../models/map_weights.ts';
import { evaluate, summarize } from '../../runtime/perplexity.ts';
import { weighed } from '../gum/movement.ts';
import { uniqueness, unitUniqueness } from '../gum/uniqueness.ts';
import { planDifference } from '../held_to_plan.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import { requireMethod } from '../registry.ts';
import type { CheckpointStore } from '../train/checkpoint.ts';
import type { TrainingPoint } from '../train/report.ts';
import { goneShare, lastCut } from './schedule.ts';

const texts = { calibration: seededText(5, 900), evaluation: seededText(6, 300) };
const backend = createWasmBackend();
const job = await testJob(
  await tinyLlama({ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, dtype: 'F32' }),
  texts,
  { seqlen: 32, samples: 12, eval_samples: 2 },
);
const REST = 'keep=0.5,rank=4,steps=20,lr=0.01,batch=2';

async function pruned(
  recipe: string,
  signal = new AbortController().signal,
  onStep = (_: string) => {},
  checkpoint?: CheckpointStore,
) {
  const [step] = parseRecipe(recipe).steps;
  const method = requireMethod(step.method);
  const points: TrainingPoint[] = [];
  const made = await method.run?.(job.model, step.options, {
    ...{ ...compressionContext(backend, job), dense: job.model, before: [], after: [], signal },
    ...(checkpoint && { checkpoint }),
    observer: { onProgress: ({ step: what }) => onStep(what), onTraining: (point) => points.push(point) },
  });
  if (!made?.training) throw new Error('nothing was trained');
  expect(planDifference(method, step, outlineOf(made.model), method.plan(job.model, step.options))).toBeUndefined();
  return { model: made.model, training: made.training, points };
}

async function bitsOf(model: DecoderModel): Promise<string> {
  const parts = await Promise.all(storedWeights(model).map((ref) => ref.read()));
  return parts.map((bytes) => Buffer.from(bytes).toString('base64')).join();
}

/** Of the windows that a training holds out: the last quarter, here three. */
async function heldOutLoss(model: DecoderModel): Promise<number> {
  const { calibration } = job;
  const windows = { ...calibration, count: 3, ids: calibration.ids.subarray(9 * calibration.seqlen) };
  const { windows: found } = await evaluate(backend, model, windows);
  return Math.log(summarize(found.map(({ loss }) => loss)).perplexity);
}

describe.each([
  ['loraprune', 'uniform'],
  ['gum', 'global'],
])('%s, %s', (method, budget) => {
  const recipe = `${method}:${REST},budget=${budget}`;

  it('cuts what it silenced: the smaller model is the one that was measured', async () => {
    const { model, training, points } = await pruned(recipe);
    expect(points).toEqual(training.curve);
    expect(training.best_step).toBeGreaterThan(lastCut(20));
    expect(await heldOutLoss(model)).toBeCloseTo(training.stored_held_out_loss as number, 4);
    expect(training.notes[0]).toMatch(/^Units went in steps 3 to 12\. Held-out perplexity: /);
    const kept = model.layers.map(({ mlp }) => mlp.down_proj.weight.shape[1]);
    expect(kept.reduce((sum, count) => sum + count, 0)).toBe(64);
    if (budget === 'uniform') expect(kept).toEqual([32, 32]);
  });

  it('learns while it prunes, and gives the same bits for the same seed', async () => {
    const [a, b] = [await pruned(recipe), await pruned(recipe)];
    expect(await bitsOf(a.model)).toBe(await bitsOf(b.model));
    const { curve, best_step } = a.training;
    const best = curve.find(({ step }) => step === best_step) as TrainingPoint;
    expect(best.held_out_loss).toBeLessThan(0.6 * curve[0].held_out_loss);
  });

  // Before all units are gone, and after.
  it.each(method === 'gum' ? [17] : [8])(
    'goes on where it was broken off in step %i, with the same bits',
    async (at) => {
      const whole = await pruned(recipe);
      const checkpoint = memoryCheckpoint();
      const controller = new AbortController();
      const stop = (step: string) => step === `training, step ${at} of 20` && controller.abort();
      await expect(pruned(recipe, controller.signal, stop, checkpoint)).rejects.toMatchObject({ code: 'cancelled' });
      const steps: string[] = [];
      const again = await pruned(recipe, undefined, (step) => steps.push(step), checkpoint);
      expect(steps.find((step) => step.startsWith('training'))).toBe(
        `training, step ${2 * Math.floor((at - 1) / 2) + 1} of 20`,
      );
      expect(await bitsOf(again.model)).toBe(await bitsOf(whole.model));
      expect(again.points).toEqual(whole.points);
      expect(checkpoint.kept).toBeUndefined();
    },
  );

  it('cancels within a step and holds nothing on', async () => {
    const controller = new AbortController();
    const before = backend.memory.currentBytes;
    const run = pruned(recipe, controller.signal, (step) => step.startsWith('training, step 3') && controller.abort());
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    expect(backend.memory.currentBytes).toBe(before);
  });

  it('names itself where it is refused', () => {
    const { refusal } = requireMethod(method);
    const [step] = parseRecipe(recipe).steps;
    const packed = { ...job.model.layers[0].mlp.down_proj.weight, packed: { kind: 'sparse' } };
    const layer = { ...job.model.layers[0], mlp: { ...job.model.layers[0].mlp, down_proj: { weight: packed } } };
    expect(refusal({ ...job.model, layers: [layer] } as never, step.options)).toMatch(
      new RegExp(`down_proj is packed already.*Put ${method} before`),
    );
  });
});

it('lets units go faster at first, none at the beginning and in the end', () => {
  for (const steps of [1, 2, 7, 100, 1000]) {
    const shares = Array.from({ length: steps }, (_, step) => goneShare(step, steps));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares[lastCut(steps)]).toBe(1);
    expect(lastCut(steps)).toBeLessThan(Math.max(1, 0.6 * steps));
    if (steps >= 100) expect(shares[Math.floor(0.35 * steps)]).toBeGreaterThan(0.7);
    if (steps >= 100) expect(shares[Math.floor(0.09 * steps)]).toBe(0);
  }
});

describe('uniqueness', () => {
  it('puts nothing down between layers: what it gathered of those before would be missing', async () => {
    const context = { ...compressionContext(backend, job), dense: job.model, before: [], after: [] };
    const refuse = () => Promise.reject(new Error('a layer was put down'));
    const found = await unitUniqueness(job.model, ['mlp'], { ...context, checkpoints: { take: refuse, save: refuse } });
    expect(found.get('mlp')).toHaveLength(2);
  });

  it('is one at right angles, and shared by equals', () => {
    const rows = [
      [1, 0, 0, 2],
      [0, 1, 1, 0],
      [0, 1, -1, 0],
    ];
    const gram = Float64Array.from({ length: 16 }, (_, at) =>
      rows.reduce((sum, row) => sum + row[Math.floor(at / 4)] * row[at % 4], 0),
    );
    // Columns 0 and 3 give the same but for a factor, 1 and 2 are at right angles to all.
    expect([...uniqueness(gram, 4, 1)]).toEqual([0.5, 1, 1, 0.5]);
    // Two units of two columns: (1·0 + 0·2, …) of equal norms.
    const [first, second] = uniqueness(gram, 4, 2);
    expect(first).toBe(second);
    expect([...uniqueness(new Float64Array(4), 2, 1)]).toEqual([1, 1]);
  });

  it('makes what is like others worth less, whichever sign its movement has', () => {
    expect(weighed(2, 0.5)).toBe(1);
    expect(weighed(-2, 0.5)).toBe(-4);
  });
});
