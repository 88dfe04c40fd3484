/** QLoRA on a tiny model: NF4 by its definition, what the result is held in, what is said and refused. */
import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { runRecipe } from '../../../test/support/recipe_job.ts';
import { compressionContext, seededText, testJob } from '../../../test/support/slice_job.ts';
import { randomValues } from '../../backend/testing.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { elementCount } from '../../tensor/shape.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import { DYNAMIC_LEVELS, NF4_LEVELS, nf4, nf4Numbers, nf4Scales } from '../solvers/nf4.ts';
import { linearPlaces } from '../train/linears.ts';
import { trainingMemory } from '../train/memory.ts';
import { nf4Bytes, storeNf4 } from './nf4_weight.ts';
import { type Options, qlora } from './qlora.ts';

/** Φ⁻¹ by bisection of a numerically integrated density. */
function quantile(p: number): number {
  const below = (x: number) => {
    const steps = 2000;
    let sum = 0;
    for (let i = 0; i < steps; i++) sum += Math.exp(-0.5 * (((i + 0.5) * x) / steps) ** 2);
    return 0.5 + (sum * x) / steps / Math.sqrt(2 * Math.PI);
  };
  let [low, high] = [-5, 5];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (below(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

describe('NF4', () => {
  it('has the quantiles of a normal distribution, an exact 0 among them', () => {
    // Evenly spaced probabilities, seven on one side and eight on the other, to the offset of the paper's code.
    const offset = (1 - 1 / 30 + (1 - 1 / 32)) / 2;
    const sides = (count: number) =>
      Array.from({ length: count }, (_, i) => quantile(offset + ((0.5 - offset) * i) / count));
    const largest = quantile(offset);
    const levels = [...sides(7).map((x) => -x), 0, ...sides(8)].map((x) => x / largest).sort((a, b) => a - b);
    for (const [i, level] of NF4_LEVELS.entries()) expect(level).toBeCloseTo(levels[i], 4);
    expect(NF4_LEVELS).toHaveLength(16);
    expect(DYNAMIC_LEVELS).toHaveLength(256);
  });

  it('takes the nearest level of each block, with scales that two roundings keep near', async () => {
    const W = randomValues(7 * 96, 3);
    const values = nf4(W);
    const scales = nf4Scales(values);
    const numbers = nf4Numbers(values.codes, scales);
    for (const [i, number] of numbers.entries()) {
      const block = W.subarray(64 * Math.floor(i / 64), 64 * Math.floor(i / 64) + 64);
      const largest = Math.max(...block.map(Math.abs));
      const nearest = Math.min(...NF4_LEVELS.map((level) => Math.abs(level * largest - W[i])));
      expect(Math.abs(scales[Math.floor(i / 64)] / largest - 1)).toBeLessThan(0.01);
      expect(Math.abs(number - W[i])).toBeLessThan(nearest + 0.01 * largest + 1e-6);
    }
    const scratch = memoryScratch();
    const ref = await storeNf4(scratch, 'w', [7, 96], W);
    const bytes = (await ref.read({ start: 3, end: 6 })).slice();
    expect(new Float32Array(bytes.buffer)).toEqual(numbers.slice(3 * 96, 6 * 96));
    expect(nf4Bytes(64 * 256)).toBe(64 * 128 + 256 + 4 + 4);
  });
});

const backend = createWasmBackend();
const job = await testJob(
  await tinyLlama({ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, dtype: 'F16' }),
  { calibration: seededText(5, 900), evaluation: seededText(6, 300) },
  { seqlen: 32, samples: 12, eval_samples: 2 },
);

async function run(recipe: string) {
  await runRecipe(backend, job, recipe); // held to its plan
  const [{ options }] = parseRecipe(recipe).steps;
  const made = await qlora.run?.(job.model, options as unknown as Options, {
    ...{ ...compressionContext(backend, job), dense: job.model, before: [], after: [] },
  });
  if (!made?.training) throw new Error('nothing was trained');
  return { model: made.model, training: made.training };
}

it('learns on the 4-bit base, and holds floats of the model’s own type', async () => {
  const { model, training } = await run('qlora:rank=4,steps=20,lr=0.003,batch=2');
  const best = Math.min(...training.curve.map(({ held_out_loss }) => held_out_loss));
  expect(best).toBeLessThan(0.97 * training.curve[0].held_out_loss);
  expect(training.stored_held_out_loss).toBeCloseTo(best, 3);
  expect(linearPlaces(model).every(({ weight }) => weight.dtype === 'F16' && !weight.packed)).toBe(true);
  expect(training.notes[0]).toContain('4-bit base with what was learnt added: floats');
});

it('rounds base and adapters once more where integers are asked for, and says what that cost', async () => {
  const { model, training } = await run('qlora:rank=4,steps=8,lr=0.003,batch=2,keep=integers,bits=3,group=16');
  expect(linearPlaces(model).every(({ weight }) => weight.stored?.dtype === 'int3 g16')).toBe(true);
  expect(training.notes.join()).toMatch(/rounded to nearest once more.*Rounded as it is stored, the held-out loss is/);
});

it('plans the storage that its 4-bit base takes', () => {
  const plan = { backend: backend.info, windows: { seqlen: 32, samples: 12, eval_samples: 2 } };
  const options = parseRecipe('qlora:rank=4,batch=2').steps[0].options as unknown as Options;
  const planned = qlora.memory?.(job.model, options, plan, []).storage.spill as number;
  const without = trainingMemory(job.model, options, plan).storage.spill;
  const linears = linearPlaces(job.model).map(({ weight }) => elementCount(weight.shape));
  const codes = linears.reduce((sum, elements) => sum + elements / 2 + elements / 64, 0);
  expect(planned - without).toBeGreaterThanOrEqual(codes);
  expect(planned - without).toBeLessThan(1.05 * codes);
});

it('is refused for packed weights', async () => {
  const rounded = await runRecipe(backend, job, 'rtn:bits=4,group=16');
  expect(qlora.refusal(rounded, {} as Options)).toContain('packed as int4 g16');
});
