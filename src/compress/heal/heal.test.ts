/** Healing on a tiny model: better on held-out text, same bits for the same seed, what packed weights keep, refusals, cancel. */
import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { memoryCheckpoint } from '../../../test/support/memory_checkpoint.ts';
import { runRecipe } from '../../../test/support/recipe_job.ts';
import { compressionContext, seededText, testJob } from '../../../test/support/slice_job.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { type DecoderModel, storedWeights } from '../../models/decoder_model.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import { linearPlaces } from '../train/linears.ts';
import type { TrainingPoint, TrainingReport } from '../train/report.ts';
import { heal, type Options } from './heal.ts';

const texts = { calibration: seededText(5, 900), evaluation: seededText(6, 300) };
const backend = createWasmBackend();
const job = await testJob(
  await tinyLlama({ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, dtype: 'F32' }),
  texts,
  { seqlen: 32, samples: 12, eval_samples: 2 },
);
const STEPS = 'heal:rank=4,steps=20,lr=0.01,batch=2';

async function healed(from: DecoderModel, recipe = STEPS, signal = new AbortController().signal) {
  const [{ options }] = parseRecipe(recipe).steps;
  const points: TrainingPoint[] = [];
  const made = await heal.run?.(from, options as unknown as Options, {
    ...{ ...compressionContext(backend, job), dense: job.model, before: [], after: [], signal },
    observer: { onProgress() {}, onTraining: (point) => points.push(point) },
  });
  if (!made?.training) throw new Error('nothing was trained');
  return { model: made.model, training: made.training, points };
}

async function bitsOf(model: DecoderModel): Promise<string> {
  const parts = await Promise.all(storedWeights(model).map((ref) => ref.read()));
  return parts.map((bytes) => Buffer.from(bytes).toString('base64')).join();
}

const heldOut = ({ curve, best_step }: TrainingReport) =>
  curve.find(({ step }) => step === best_step)?.held_out_loss ?? Number.NaN;

const sliced = await runRecipe(backend, job, 'slicegpt:sparsity=0.5,round=2');

describe('of a sliced model', () => {
  it.each(['kl', 'rkl', 'jsd'])(
    'lowers %s on windows that it does not train on, and stores what it measured',
    async (loss) => {
      const { training, points, model } = await healed(sliced, `${STEPS},loss=${loss}`);
      expect(points).toEqual(training.curve);
      expect(training.windows).toEqual({ training: 9, held_out: 3, seqlen: 32 });
      expect(heldOut(training)).toBeLessThan(0.985 * training.curve[0].held_out_loss);
      expect(training.stored_held_out_loss).toBeCloseTo(heldOut(training), 5);
      expect(model.layers[0].attention.q_proj.weight.dtype).toBe('F32');
    },
  );

  it('gives the same bits for the same seed, and others for another', async () => {
    const [a, b, other] = [await healed(sliced), await healed(sliced), await healed(sliced, `${STEPS},seed=1`)];
    expect(await bitsOf(b.model)).toBe(await bitsOf(a.model));
    expect(b.training.curve).toEqual(a.training.curve);
    expect(await bitsOf(other.model)).not.toBe(await bitsOf(a.model));
  });

  it('trains shortcuts, norms and biases where it is asked to', async () => {
    const { model, training } = await healed(sliced, 'heal:rank=4,steps=20,lr=0.002,batch=2,shortcuts=true,norms=true');
    expect(heldOut(training)).toBeLessThan(0.999 * training.curve[0].held_out_loss);
    expect(training.stored_held_out_loss).toBeCloseTo(heldOut(training), 5);
    const [first, before] = [model.layers[0], sliced.layers[0]];
    expect(await first.mlp_shortcut_Q?.read()).not.toEqual(await before.mlp_shortcut_Q?.read());
    expect(await model.norm.weight?.read()).not.toEqual(await sliced.norm.weight?.read());
    const plain = await healed(sliced);
    expect(plain.model.layers[0].mlp_shortcut_Q).toBe(before.mlp_shortcut_Q);
    expect(training.trained_parameters).toBeGreaterThan(plain.training.trained_parameters);
  });

  it('keeps what came in, and says so, where every step makes it worse', async () => {
    const { training, model } = await healed(sliced, 'heal:rank=4,steps=40,lr=1,batch=2,alpha=4000');
    expect(training.best_step).toBe(0);
    expect(training.curve.at(-1)?.step).toBeLessThan(40);
    expect(training.notes.join()).toMatch(/^Over-fitting: .* lowest at step 0 .* stopped there, of 40 steps/);
    expect(await bitsOf(model)).toBe(await bitsOf(sliced));
  });

  it('cancels within a step and holds nothing on', async () => {
    const controller = new AbortController();
    const before = backend.memory.currentBytes;
    const points: TrainingPoint[] = [];
    const [{ options }] = parseRecipe(STEPS).steps;
    const run = heal.run?.(sliced, options as unknown as Options, {
      ...{ ...compressionContext(backend, job), dense: job.model, before: [], after: [], signal: controller.signal },
      observer: {
        onProgress: ({ step }) => step.startsWith('training, step 3') && controller.abort(),
        onTraining: (point) => points.push(point),
      },
    });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    expect(points.map(({ step }) => step)).toEqual([0, 2]);
    expect(backend.memory.currentBytes).toBe(before);
  });
});

describe('layer by layer', () => {
  const HIDDEN = `${STEPS},loss=hidden`;

  it.each(['slicegpt:sparsity=0.5,round=2', 'slicegpt:sparsity=0.5,round=2,schedule=rotate-once', 'width:keep=0.5'])(
    'brings the model nearer to the dense one behind %s',
    async (recipe) => {
      const { training, model } = await healed(await runRecipe(backend, job, recipe), HIDDEN);
      expect(training.curve.map(({ step }) => step)).toEqual([0, 20, 40]);
      expect(heldOut(training)).toBeLessThan(0.97 * training.curve[0].held_out_loss);
      expect(training.stored_held_out_loss).toBe(heldOut(training));
      const [, before, after] = training.notes[0].match(/missed ([\d.]+) % .* and ([\d.]+) % after/) ?? [];
      expect(Number(after)).toBeLessThan(Number(before));
      expect(linearPlaces(model)).toHaveLength(14);
    },
  );

  it('changes nothing of a model that is the dense one', async () => {
    const { training, model } = await healed(job.model, HIDDEN);
    expect(training.best_step).toBe(0);
    expect(await bitsOf(model)).toBe(await bitsOf(job.model));
    expect(training.notes).toContain('Training made nothing better: the weights are those that came in.');
  });

  it('trains shortcuts and norms where it is asked to', async () => {
    const { model } = await healed(sliced, `${HIDDEN.replace('lr=0.01', 'lr=0.002')},shortcuts=true,norms=true`);
    expect(await model.layers[0].mlp_shortcut_Q?.read()).not.toEqual(await sliced.layers[0].mlp_shortcut_Q?.read());
  });

  it('goes on behind the layers that were finished, with the same bits', async () => {
    const whole = await healed(sliced, HIDDEN);
    const checkpoint = memoryCheckpoint();
    const [{ options }] = parseRecipe(HIDDEN).steps;
    const run = (controller: AbortController, onLayer: (layer: number | undefined) => void) =>
      heal.run?.(sliced, options as unknown as Options, {
        ...{ ...compressionContext(backend, job), dense: job.model, before: [], after: [], checkpoint },
        signal: controller.signal,
        observer: { onProgress: ({ layer }) => onLayer(layer) },
      });
    const controller = new AbortController();
    const before = backend.memory.currentBytes;
    const broken = run(controller, (layer) => layer === 1 && controller.abort());
    await expect(broken).rejects.toMatchObject({ code: 'cancelled' });
    expect(backend.memory.currentBytes).toBe(before);
    const layers = new Set<number | undefined>();
    const made = await run(new AbortController(), (layer) => layers.add(layer));
    expect(layers).not.toContain(0);
    expect(await bitsOf(made?.model as DecoderModel)).toBe(await bitsOf(whole.model));
    expect(made?.training?.curve).toEqual(whole.training.curve);
    expect(checkpoint.kept).toBeUndefined();
  });

  it('is refused where layers have no counterpart', () => {
    expect(() => parseRecipe('depth:drop=1; heal:loss=hidden')).toThrow(/behind depth, which drops layers/);
    expect(parseRecipe('depth:drop=1; heal').steps).toHaveLength(2);
  });
});

it('goes on where it was broken off, with the same bits', async () => {
  const whole = await healed(sliced);
  const checkpoint = memoryCheckpoint();
  const steps: string[] = [];
  const run = async (controller: AbortController) => {
    const [{ options }] = parseRecipe(STEPS).steps;
    return heal.run?.(sliced, options as unknown as Options, {
      ...{ ...compressionContext(backend, job), dense: job.model, before: [], after: [], signal: controller.signal },
      checkpoint,
      observer: {
        onProgress({ step }) {
          steps.push(step);
          if (steps.includes('training, step 8 of 20')) controller.abort();
        },
      },
    });
  };
  await expect(run(new AbortController())).rejects.toMatchObject({ code: 'cancelled' });
  expect(checkpoint.kept).toBeDefined();
  steps.length = 0;
  const again = await run(new AbortController()).catch((error) => error);
  expect(again).toMatchObject({ code: 'cancelled' });
  expect(steps.find((step) => step.startsWith('training'))).toBe('training, step 7 of 20');
  const [{ options }] = parseRecipe(STEPS).steps;
  const made = await heal.run?.(sliced, options as unknown as Options, {
    ...{ ...compressionContext(backend, job), dense: job.model, before: [], after: [], checkpoint },
  });
  expect(await bitsOf(made?.model as DecoderModel)).toBe(await bitsOf(whole.model));
  expect(made?.training?.curve).toEqual(whole.training.curve);
  expect(checkpoint.kept).toBeUndefined();
});

describe('of packed weights', () => {
  it('keeps the zeros of pruned ones', async () => {
    const pruned = await runRecipe(backend, job, 'wanda:sparsity=0.5');
    const { model, training } = await healed(pruned);
    expect(heldOut(training)).toBeLessThan(0.8 * training.curve[0].held_out_loss);
    expect(training.stored_held_out_loss).toBeCloseTo(heldOut(training), 5);
    const masks = async (of: DecoderModel) =>
      Promise.all(linearPlaces(of).map(async ({ weight }) => ({ ...(await weight.unpack?.()), values: undefined })));
    expect(await masks(model)).toEqual(await masks(pruned));
    expect(await bitsOf(model)).not.toBe(await bitsOf(pruned));
  });

  it.each([
    { form: 'bits=2,group=8,grid=minimum', lr: 0.03 },
    { form: 'bits=3,group=row', lr: 0.003 },
    { form: 'bits=8,group=row', lr: 0.003 },
  ])('trains through the rounding of integers on the grid that they have: $form', async ({ form, lr }) => {
    const rounded = await runRecipe(backend, { ...job, from: sliced }, `rtn:${form}`);
    const { model, training } = await healed(rounded, `heal:rank=4,steps=20,lr=${lr},batch=2`);
    const parts = async (of: DecoderModel) =>
      Promise.all(linearPlaces(of).map(async ({ weight }) => ({ ...(await weight.unpack?.()), codes: undefined })));
    expect(await parts(model)).toEqual(await parts(rounded));
    expect(await bitsOf(model)).not.toBe(await bitsOf(rounded));
    expect(heldOut(training)).toBeLessThan(0.995 * training.curve[0].held_out_loss);
    expect(training.stored_held_out_loss).toBeCloseTo(heldOut(training), 5);
  });

  it('leaves them where no step reaches the next number of the grid, and says so', async () => {
    const rounded = await runRecipe(backend, job, 'rtn:bits=2,group=8,grid=minimum');
    const { model, training } = await healed(rounded, 'heal:rank=4,steps=2,lr=1e-7,batch=2');
    expect(training.notes.join()).toContain('No step moved a weight as far as the next number of its grid');
    expect(await bitsOf(model)).toBe(await bitsOf(rounded));
  });

  it('is refused where nothing can be trained, and leaves alone what cannot be', async () => {
    const factored = await runRecipe(backend, job, 'lorc:bits=4,group=8,rank=2');
    expect(heal.refusal(factored, {} as Options)).toContain('Train before the step that packs them');
    const [first, ...others] = factored.layers;
    const { up_proj } = job.model.layers[0].mlp;
    const single = { ...factored, layers: [{ ...first, mlp: { ...first.mlp, up_proj } }, ...others] };
    expect(heal.refusal(single, {} as Options)).toBeUndefined();
    const { model, training } = await healed(single, 'heal:rank=2,steps=4,batch=2');
    expect(training.notes.join()).toContain('13 linears were left as they are');
    expect(model.layers[1].mlp.up_proj.weight).toBe(others[0].mlp.up_proj.weight);
  });
});

it('rft lowers the loss of the text itself', async () => {
  const points: TrainingPoint[] = [];
  await runRecipe(backend, { ...job, from: sliced }, 'rft:rank=4,steps=20,lr=0.01,batch=2', undefined, {
    observer: { onProgress() {}, onTraining: (point) => points.push(point) },
  });
  const last = points[points.length - 1];
  expect(last.held_out_loss).toBeLessThan(0.8 * points[0].held_out_loss);
  expect(Math.exp(last.held_out_loss)).toBeCloseTo(last.held_out_perplexity, 6);
});

it('needs a window to learn from and one to be measured on', async () => {
  const short = { ...job, calibration: { ...job.calibration, count: 1 } };
  await expect(runRecipe(backend, { ...short, from: sliced }, STEPS)).rejects.toMatchObject({
    code: 'text_too_short',
    message: expect.stringContaining('one to learn from and one that it is measured on'),
  });
});
