/** LLM-QAT on a tiny model: its own text, what is rounded while it trains, what the result is held in. */
import { expect, it } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { runRecipe } from '../../../test/support/recipe_job.ts';
import { compressionContext, seededText, testJob } from '../../../test/support/slice_job.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { generate } from '../../runtime/generate.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import { linearPlaces } from '../train/linears.ts';
import { llmQat, type Options } from './llm_qat.ts';
import { ownText } from './own_text.ts';

const backend = createWasmBackend();
const job = await testJob(
  await tinyLlama({ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, dtype: 'F32' }),
  { calibration: seededText(5, 700), evaluation: seededText(6, 300) },
  { seqlen: 24, samples: 8, eval_samples: 2 },
);

async function run(recipe: string) {
  await runRecipe(backend, job, recipe); // held to its plan
  const [{ options }] = parseRecipe(recipe).steps;
  const made = await llmQat.run?.(job.model, options as unknown as Options, {
    ...{ ...compressionContext(backend, job), dense: job.model, before: [], after: [] },
  });
  if (!made?.training) throw new Error('nothing was trained');
  const { curve } = made.training;
  return { ...made, training: made.training, best: Math.min(...curve.map((point) => point.held_out_loss)) };
}

it('writes text that begins with the likeliest tokens, each window with its own first, the same for the same seed', async () => {
  const signal = new AbortController().signal;
  const options = { windows: 3, seed: 7, signal, onProgress() {} };
  const [one, two] = [0, 1].map(() => ownText(backend, job.model, job.calibration, options));
  const { ids, seqlen } = await one;
  expect((await two).ids).toEqual(ids);
  for (let i = 0; i < 3; i++) {
    const window = [...ids.subarray(i * seqlen, (i + 1) * seqlen)];
    expect(window.slice(1, 5)).toEqual(await generate(backend, job.model, window.slice(0, 1), 4));
  }
  expect(new Set([0, 1, 2].map((i) => ids[i * seqlen])).size).toBeGreaterThan(1);
  const other = await ownText(backend, job.model, job.calibration, { ...options, seed: 8 });
  expect(other.ids).not.toEqual(ids);
});

it('trains whole weights through the rounding of weights, inputs and cache, and packs what it measured', async () => {
  const { model, training, best } = await run('llm_qat:bits=3,cache=8,windows=4,steps=16,lr=0.003,batch=2');
  expect(best).toBeLessThan(0.9 * training.curve[0].held_out_loss);
  // Scales are float16 as they are stored, which moves some of the rounded inputs to the next code.
  expect(Math.abs((training.stored_held_out_loss ?? 0) / best - 1)).toBeLessThan(0.05);
  expect(training.notes.join()).toContain('Keys and values were rounded to 8 bits');
  for (const { weight } of linearPlaces(model)) {
    expect(weight.stored?.dtype).toBe('int3 row');
    const { codes, zeros } = ((await weight.unpack?.()) ?? {}) as GroupedValues;
    expect(Math.min(...codes)).toBeGreaterThanOrEqual(1);
    expect(new Set(zeros)).toEqual(new Set([4]));
  }
  expect(model.layers[1].mlp.down_proj.input).toEqual({ kind: 'token', bits: 8 });
});

it('trains adapters in their place, on the calibration text, and leaves inputs and cache alone where it is asked to', async () => {
  const { model, training, best } = await run(
    'llm_qat:bits=8,inputs=16,cache=16,text=calibration,rank=4,steps=4,lr=0.001,batch=2',
  );
  expect(best).toBeLessThanOrEqual(training.curve[0].held_out_loss);
  expect(training.stored_held_out_loss).toBeCloseTo(best, 6);
  expect(training.notes.join()).not.toContain('Keys and values');
  expect(model.layers[0].attention.q_proj).toMatchObject({ weight: { stored: { dtype: 'int8 row' } } });
  expect(model.layers[0].attention.q_proj.input).toBeUndefined();
});

it('is refused for packed weights', async () => {
  const rounded = await runRecipe(backend, job, 'rtn:bits=4,group=16');
  expect(llmQat.refusal(rounded, {} as Options)).toContain('packed as int4 g16');
});
