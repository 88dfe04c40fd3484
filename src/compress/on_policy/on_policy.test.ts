/** Distillation on the student's own texts, on a tiny model: better on held-out text, same bits for the same seed, cancel, memory. */
import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { runRecipe } from '../../../test/support/recipe_job.ts';
import { seededText, testJob } from '../../../test/support/slice_job.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { type DecoderModel, storedWeights } from '../../models/decoder_model.ts';
import type { CompressionProgress } from '../method.ts';
import { policyWeights } from '../minillm/targets.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import { requireMethod } from '../registry.ts';
import type { TrainingPoint } from '../train/report.ts';
import { drawing } from './sample.ts';

const backend = createWasmBackend();
const job = await testJob(
  await tinyLlama({ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, dtype: 'F32' }),
  { calibration: seededText(5, 900), evaluation: seededText(6, 300) },
  { seqlen: 32, samples: 12, eval_samples: 2 },
);
const pruned = await runRecipe(backend, job, 'magnitude:sparsity=0.5');
const STEPS = 'rank=4,lr=0.01,batch=2,prompt=8,max_tokens=8';

async function taught(
  recipe: string,
  onProgress: (progress: CompressionProgress) => void = () => {},
  signal?: AbortSignal,
) {
  const points: TrainingPoint[] = [];
  const observer = { onProgress, onTraining: (point: TrainingPoint) => points.push(point) };
  const model = await runRecipe(backend, { ...job, from: pruned }, recipe, undefined, {
    observer,
    ...(signal && { signal }),
  });
  return { model, points };
}

async function bitsOf(model: DecoderModel): Promise<string> {
  const parts = await Promise.all(storedWeights(model).map((ref) => ref.read()));
  return parts.map((bytes) => Buffer.from(bytes).toString('base64')).join();
}

describe.each([
  ['gkd', `gkd:${STEPS},steps=12`, 0.95],
  ['minillm', 'minillm:pt=0,rank=8,lr=0.005,batch=4,prompt=16,max_tokens=12,steps=10', 0.985],
])('%s', (name, recipe, bound) => {
  it('comes closer to the dense model on text that it does not train on', async () => {
    const { points } = await taught(recipe);
    const best = Math.min(...points.map(({ held_out_loss }) => held_out_loss));
    expect(best).toBeLessThan(bound * points[0].held_out_loss);
  });

  it('gives the same bits for the same seed, and others for another', async () => {
    const short = `${name}:${STEPS},steps=3`;
    const [a, b, other] = [await taught(short), await taught(short), await taught(`${short},seed=1`)];
    expect(b.points).toEqual(a.points);
    expect(await bitsOf(b.model)).toBe(await bitsOf(a.model));
    expect(await bitsOf(other.model)).not.toBe(await bitsOf(a.model));
  });

  it('cancels within a step and holds nothing on', async () => {
    const controller = new AbortController();
    const before = backend.memory.currentBytes;
    const run = taught(
      recipe,
      ({ step }) => step.startsWith('training, step 3') && controller.abort(),
      controller.signal,
    );
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    expect(backend.memory.currentBytes).toBe(before);
  });
});

it('gkd mixes its own texts with the given ones, by lambda', async () => {
  const of = async (lambda: number) =>
    (await taught(`gkd:lambda=${lambda},${STEPS},steps=3`)).points.at(-1)?.training_loss;
  const [given, both, own] = [await of(0), await of(0.5), await of(1)];
  expect(new Set([given, both, own]).size).toBe(3);
});

describe('tf_llmd', () => {
  it.each(['every', 'first'])('keeps %s of the layers and trains them', async (take) => {
    const points: TrainingPoint[] = [];
    const observer = { onProgress() {}, onTraining: (point: TrainingPoint) => points.push(point) };
    const recipe = `tf_llmd:take=${take},layers=1,rank=4,steps=20,lr=0.01,batch=2`;
    const model = await runRecipe(backend, job, recipe, undefined, { observer });
    expect(model.layers).toHaveLength(1);
    expect(points.at(-1)?.held_out_loss).toBeLessThan(0.9 * points[0].held_out_loss);
  });

  it('trains whole weights where it is asked to, as the paper does', async () => {
    const points: TrainingPoint[] = [];
    const observer = { onProgress() {}, onTraining: (point: TrainingPoint) => points.push(point) };
    const recipe = 'tf_llmd:layers=1,rank=full,steps=20,lr=0.003,batch=2';
    const model = await runRecipe(backend, job, recipe, undefined, { observer });
    expect(points.at(-1)?.held_out_loss).toBeLessThan(0.9 * points[0].held_out_loss);
    const [before, after] = [job.model, model].map(({ layers }) => layers[0].mlp.up_proj.weight);
    expect(await after.read()).not.toEqual(await before.read());
    const { refusal } = requireMethod('tf_llmd');
    const packed = await runRecipe(backend, job, 'rtn:bits=4,group=16');
    const options = parseRecipe(recipe).steps[0].options;
    expect(refusal(packed, options as never)).toContain('packed as int4 g16, and rank=full trains plain weights');
  });
});

describe('a draw', () => {
  it('comes from the mixture of both', () => {
    const [q, p] = [Float64Array.of(Math.log(0.9), Math.log(0.1)), Float64Array.of(Math.log(0.1), Math.log(0.9))];
    const count = 4000;
    let next = 0;
    const even = drawing(0.25, () => (next++ % count) / count);
    const ones = Array.from({ length: count }, () => even(q, p)).filter((token) => token === 1).length;
    expect(ones / count).toBeCloseTo(0.75 * 0.1 + 0.25 * 0.9, 3);
  });
});

describe('the policy gradient', () => {
  const sample = { prompt: Uint32Array.of(1), tokens: [1, 2, 3], student: [-1, -2, -1.5], teacher: [-2, -1, -1] };

  it('rewards a token by the mean of what follows it, of the tokens of all samples', () => {
    const { weights, reverse_kl } = policyWeights([sample], { share: 0, clip: 0 });
    expect(weights[0].single).toEqual([1 / 3, 1 / 3, 1 / 3]);
    expect(weights[0].long).toEqual([(1 + 0.5) / 2 / 3, 0.5 / 3, 0]);
    expect(reverse_kl).toBeCloseTo(-(-1 + 1 + 0.5) / 3, 12);
  });

  it('weighs by the student in the mixture, and leaves out what is clipped', () => {
    const { weights } = policyWeights([sample], { share: 0.5, clip: 0.2 });
    const ratio = 1 / (0.5 * Math.exp(-1) + 0.5);
    expect(weights[0].single[0]).toBeCloseTo(ratio / 3, 12);
    // The first token is 1.46 times as likely as in the mixture and its reward positive.
    expect(weights[0].long[0]).toBe(0);
    expect(policyWeights([sample], { share: 0.5, clip: 0 }).weights[0].long[0]).toBeGreaterThan(0);
  });
});
