/** PEQA on a tiny model: integers and bytes stay, scales learn, on every grid. */
import { describe, expect, it } from 'vitest';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { runRecipe } from '../../../test/support/recipe_job.ts';
import { seededText, testJob } from '../../../test/support/slice_job.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { packedModelBytes } from '../../models/model_size.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { toHalf } from '../solvers/grid.ts';
import { linearPlaces } from '../train/linears.ts';
import type { TrainingPoint } from '../train/report.ts';
import { peqa } from './peqa.ts';

const backend = createWasmBackend();
const job = await testJob(
  await tinyLlama({ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, dtype: 'F32' }),
  { calibration: seededText(5, 900), evaluation: seededText(6, 300) },
  { seqlen: 32, samples: 12, eval_samples: 2 },
);
const STEPS = 'peqa:steps=20,lr=0.002,batch=2';

async function peqaOf(recipe: string, from: DecoderModel = job.model) {
  const points: TrainingPoint[] = [];
  const observer = { onProgress() {}, onTraining: (point: TrainingPoint) => points.push(point) };
  const model = await runRecipe(backend, { ...job, from }, recipe, undefined, { observer });
  return { model, losses: points.map(({ held_out_loss }) => held_out_loss) };
}

async function groupedOf(model: DecoderModel): Promise<GroupedValues[]> {
  return Promise.all(linearPlaces(model).map(async ({ weight }) => (await weight.unpack?.()) as GroupedValues));
}

describe('of integers of the step before', () => {
  it.each(['rtn:bits=2,group=8,grid=minimum', 'rtn:bits=2,group=row', 'gptq:bits=2,group=16,order=dynamic'])(
    'keeps codes, zero points and bytes, and lowers the loss: %s',
    async (step) => {
      const rounded = await runRecipe(backend, job, step);
      const { model, losses } = await peqaOf(STEPS, rounded);
      expect(Math.min(...losses)).toBeLessThan(0.97 * losses[0]);
      expect(packedModelBytes(model)).toBe(packedModelBytes(rounded));
      const [before, after] = [await groupedOf(rounded), await groupedOf(model)];
      for (const [i, { packing, codes, order, zeros, scales }] of after.entries()) {
        expect(packing).toEqual(before[i].packing);
        expect(codes).toEqual(before[i].codes);
        expect(order).toEqual(before[i].order);
        if (packing.zero === 'integer') expect(zeros).toEqual(before[i].zeros);
        if (packing.zero === 'minimum') expect(zeros).not.toEqual(before[i].zeros);
        expect(scales).not.toEqual(before[i].scales);
        if (packing.scale === 'F16') expect(scales).toEqual(scales.map(toHalf));
      }
    },
  );

  it('leaves minimums alone where it is asked to', async () => {
    const rounded = await runRecipe(backend, job, 'rtn:bits=2,group=8,grid=minimum');
    const { model, losses } = await peqaOf(`${STEPS},minimums=false`, rounded);
    expect(Math.min(...losses)).toBeLessThan(losses[0]);
    const [before, after] = [await groupedOf(rounded), await groupedOf(model)];
    expect(after.map(({ zeros }) => zeros)).toEqual(before.map(({ zeros }) => zeros));
  });
});

it('rounds dense linears as rtn does, then trains their scales; the same seed gives the same bits', async () => {
  const recipe = `${STEPS},bits=2,group=8,loss=text`;
  const [one, two] = [await peqaOf(recipe), await peqaOf(recipe)];
  const rounded = await runRecipe(backend, job, 'rtn:bits=2,group=8');
  const [before, after] = [await groupedOf(rounded), await groupedOf(one.model)];
  expect(after.map(({ codes }) => codes)).toEqual(before.map(({ codes }) => codes));
  expect(await groupedOf(two.model)).toEqual(after);
  expect(two.losses).toEqual(one.losses);
  expect(Math.min(...one.losses)).toBeLessThan(0.97 * one.losses[0]);
});

it('is refused where nothing has scales of groups', async () => {
  const factored = await runRecipe(backend, job, 'lorc:bits=4,group=8,rank=2');
  expect(peqa.refusal(factored, {} as never)).toContain('no scales of groups to train');
});
