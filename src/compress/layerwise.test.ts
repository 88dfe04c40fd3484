/** Methods that go through a model linear by linear: what each makes of a tiny one, by what defines it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TinyTensor, tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import { compressionContext, seededText, type TestJob, testJob } from '../../test/support/slice_job.ts';
import type { Backend } from '../backend/backend.ts';
import { createWasmBackend } from '../backend/wasm/wasm_backend.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { outlineOf } from '../models/map_weights.ts';
import type { TapStatistics } from '../statistics/statistics.ts';
import { decodeStored } from '../tensor/decode.ts';
import { planDifference } from './held_to_plan.ts';
import { layerLinears, linearOf } from './layerwise/half.ts';
import { layerwise } from './layerwise.ts';
import type { LinearInput, LinearMethod, LinearName } from './layerwise_types.ts';
import type { CompressedModel, UnitReport } from './method.ts';
import { passesOf } from './recipe/passes.ts';
import { parseRecipe } from './recipe/recipe.ts';
import { awqScale, clippedRounding, scaled } from './solvers/awq.ts';
import { decodeGrouped } from './solvers/grid.ts';

/** Rows that no group, block or half divides; keys that heads share; and two channels far above the others. */
const SIZES = { hidden_size: 36, intermediate_size: 50, num_attention_heads: 6, num_key_value_heads: 2, seed: 3 };
const WINDOWS = { seqlen: 24, samples: 4, eval_samples: 2 };

function withOutliers(tensors: TinyTensor[]): TinyTensor[] {
  return tensors.map((tensor) => {
    if (tensor.name !== 'model.embed_tokens.weight') return tensor;
    const scaled = tensor.values.map((value, i) => (i % 36 === 5 || i % 36 === 20 ? 12 * value : value));
    return { ...tensor, values: scaled };
  });
}

let backend: Backend;
let job: TestJob;
beforeAll(async () => {
  backend = createWasmBackend();
  const texts = { calibration: seededText(1, 300), evaluation: seededText(2, 300) };
  job = await testJob(await tinyLlama({ ...SIZES, edit: withOutliers }), texts, WINDOWS);
});
afterAll(() => backend.dispose());

/** Held to its plan, as the engine holds it; its progress only grows. */
async function made(recipe: string, model: DecoderModel = job.model): Promise<CompressedModel> {
  const [{ method, step, before, after }] = passesOf(parseRecipe(recipe).steps);
  let last = 0;
  const observer = {
    onProgress: ({ fraction }: { fraction: number }) => {
      expect(fraction >= last && fraction <= 1, `progress ${fraction} behind ${last}`).toBe(true);
      last = fraction;
    },
  };
  const context = { ...compressionContext(backend, job), dense: job.model, before, after, observer };
  const found = await method.run!(model, step.options as never, context);
  const planned = method.plan(model, step.options as never);
  expect(planDifference(method, step, outlineOf(found.model), planned)).toBeUndefined();
  return found;
}

async function weights(model: DecoderModel, layer: number, name: LinearName): Promise<Float64Array> {
  const { weight } = linearOf(model.layers[layer], name);
  return Float64Array.from(decodeStored(await weight.read(), weight.dtype));
}

const norms = ({ layers }: DecoderModel) => layers.map((layer) => layer.input_layernorm?.weight);
const errorOf = (units: readonly UnitReport[] | undefined, name: string) =>
  units!.find(({ unit, layer }) => layer === 0 && unit.endsWith(name))!.error;

describe('awq', () => {
  it('scales inputs where a norm can take the scale, and loses less than rounding alone', async () => {
    const [scaled, plain] = [await made('awq:bits=3,group=16,clip=false'), await made('rtn:bits=3,group=16')];
    norms(scaled.model).forEach((norm, i) => {
      expect(norm).not.toBe(norms(job.model)[i]);
    });
    expect(norms(plain.model)).toEqual(norms(job.model));
    // Without text rtn's figure is of the weights alone; in the first layer there is nothing to correct yet.
    const measured = await made('correct:ridge=1; rtn:bits=3,group=16');
    let [own, other] = [0, 0];
    for (const name of ['q_proj', 'k_proj', 'v_proj']) {
      own += errorOf(scaled.units, name);
      other += errorOf(measured.units, name);
    }
    expect(own).toBeLessThan(0.8 * other);
  });

  it('clips every linear but queries and keys', async () => {
    const [open, clipped] = [await made('awq:bits=3,group=16,clip=false'), await made('awq:bits=3,group=16')];
    for (const name of ['q_proj', 'k_proj'] as const) {
      expect(await weights(clipped.model, 0, name)).toEqual(await weights(open.model, 0, name));
    }
    expect(await weights(clipped.model, 0, 'v_proj')).not.toEqual(await weights(open.model, 0, 'v_proj'));
    expect(errorOf(clipped.units, 'v_proj')).toBeLessThan(errorOf(open.units, 'v_proj'));
  });

  it('is its solvers on the scale and the sums of the inputs', async () => {
    const seen = new Map<LinearName, { input: LinearInput; statistics: TapStatistics }>();
    const look: LinearMethod<unknown> = {
      statistics: () => ['gram', 'means'],
      change(input, statistics) {
        if (input.use.layer === 0) seen.set(input.use.name, { input, statistics });
        return undefined;
      },
    };
    const context = { ...compressionContext(backend, job), dense: job.model, before: [], after: [] };
    await layerwise(look, job.model, {}, context);
    const names = ['q_proj', 'k_proj', 'v_proj'] as const;
    const { gram, magnitudes, tokens, size } = seen.get('q_proj')!.statistics;
    const grid = { bits: 3, kind: 'integer' } as const;
    const matrices = names.map((name) => ({ values: seen.get(name)!.input.W, rows: seen.get(name)!.input.rows }));
    const mean = magnitudes!.map((sum) => sum / tokens);
    const { scale } = await awqScale(matrices, size, mean, gram!, 16, grid);
    const inner = gram!.map((value, i) => value / (scale[Math.floor(i / size)] * scale[i % size]));
    const { values: v, rows } = matrices[2];
    const wanted = decodeGrouped(clippedRounding({ values: scaled(v, scale), rows }, size, inner, 16, grid));
    const { model, units } = await made('awq:bits=3,group=16');
    const found = await weights(model, 0, 'v_proj');
    found.forEach((value, i) => {
      expect(value, `${i}`).toBeCloseTo(wanted[i], 6);
    });
    // Where no scale has a place (o_proj, whose heads share values) rounding is all there is: nothing is off by a factor.
    for (const { unit, error } of units!) expect(error, unit).toBeLessThan(0.1);
  });

  it('leaves one symmetric grid a row as rounding finds it', async () => {
    const { model } = await made('awq:bits=8,group=row');
    const plain = await made('rtn:bits=8,group=row');
    expect(norms(model)).toEqual(norms(job.model));
    for (const name of layerLinears(model.layers[1])) {
      expect(await weights(model, 1, name)).toEqual(await weights(plain.model, 1, name));
    }
  });
});

describe('lorc', () => {
  it('brings back what rounding lost: all of it at full rank, and more with every rank', async () => {
    const error = async (recipe: string) => errorOf((await made(recipe)).units, 'up_proj');
    const [none, some, more, all] = [
      await error('rtn:bits=2,group=16'),
      await error('lorc:bits=2,group=16,rank=2'),
      await error('lorc:bits=2,group=16,rank=12'),
      await error('lorc:bits=2,group=16,rank=256'),
    ];
    expect(some).toBeLessThan(0.95 * none);
    expect(more).toBeLessThan(0.7 * some);
    expect(all).toBeLessThan(1e-6);
  });
});

describe('magnitude', () => {
  it.each([0.3, 0.5, 0.77])('drops the smallest %d of each matrix, wherever they are', async (share) => {
    const { model } = await made(`magnitude:sparsity=${share}`);
    for (const name of layerLinears(model.layers[1])) {
      const [before, after] = [await weights(job.model, 1, name), await weights(model, 1, name)];
      const sorted = before.map(Math.abs).sort();
      const limit = sorted[Math.floor(share * before.length)];
      expect(after, name).toEqual(before.map((value) => (Math.abs(value) < limit ? 0 : value)));
    }
  });

  it('drops as many of every four', async () => {
    const { model } = await made('magnitude:pattern=2:4');
    const [before, after] = [await weights(job.model, 0, 'q_proj'), await weights(model, 0, 'q_proj')];
    for (let i = 0; i < before.length; i += 4) {
      const [, second] = [...before.subarray(i, i + 4)].map(Math.abs).sort((a, b) => b - a);
      expect([...after.subarray(i, i + 4)]).toEqual(
        [...before.subarray(i, i + 4)].map((value) => (Math.abs(value) < second ? 0 : value)),
      );
    }
  });
});

describe('wanda', () => {
  it('drops half of each output, and loses less where the rest is fitted anew', async () => {
    const [plain, repaired] = [await made('wanda:sparsity=0.5'), await made('wanda:sparsity=0.5,repair=true')];
    const zeros = (values: Float64Array) => values.map((value) => (value === 0 ? 1 : 0));
    const [a, b] = [await weights(plain.model, 0, 'q_proj'), await weights(repaired.model, 0, 'q_proj')];
    expect(zeros(a).reduce((sum, each) => sum + each)).toBe(a.length / 2);
    expect(zeros(b)).toEqual(zeros(a));
    const both = await made('correct:ridge=1; wanda:sparsity=0.5');
    expect(errorOf(repaired.units, 'q_proj')).toBeLessThan(0.8 * errorOf(both.units, 'q_proj'));
  });
});

describe('what changes tables and layers as a whole', () => {
  it.each([
    'tensor_train:ratio=1.2',
    'tensor_train:ratio=1.2,tied=false',
    'embed:bits=4,group=12',
    'depth:drop=1',
    'depth:drop=1,replace=linear',
    'width:keep=0.7,score=flap,budget=global',
  ])('makes what it planned: %s', async (recipe) => {
    const { model } = await made(recipe);
    expect(model).not.toEqual(job.model);
  });

  it('plans floats in the last layer that stays, and there alone', () => {
    const [{ method, step }] = passesOf(parseRecipe('depth:drop=1,replace=linear').steps);
    const layer = (index: number) => {
      const from = job.model.layers[0];
      const weight = { ...from.mlp.down_proj.weight, dtype: 'Q8_0' as const };
      return { ...from, index, mlp: { ...from.mlp, down_proj: { ...from.mlp.down_proj, weight } } };
    };
    const planned = method.plan({ ...job.model, layers: [0, 1, 2, 3].map(layer) }, step.options as never);
    expect(planned.layers.map(({ mlp }) => mlp.down_proj.weight.dtype)).toEqual(['Q8_0', 'Q8_0', 'F32']);
  });
});

describe('inputs beside the dense ones', () => {
  it('are refused where a step before scaled them, of either norm, and not otherwise', async () => {
    const delta = 'gptq:bits=4,group=16,delta=true';
    await made(delta);
    for (const norm of ['input_layernorm', 'post_attention_layernorm'] as const) {
      const layers = job.model.layers.map((layer) => ({
        ...layer,
        [norm]: { ...layer[norm]!, weight: { ...layer[norm]!.weight! } },
      }));
      await expect(made(delta, { ...job.model, layers }), norm).rejects.toMatchObject({
        code: 'bad_option',
        message: expect.stringContaining('scaled what the linears read'),
      });
      await made('gptq:bits=4,group=16', { ...job.model, layers });
    }
  });

  it.each(['heads+channels', 'channels'])(
    'are refused where a step before removed %s, which correct goes on without',
    async (units) => {
      const { model } = await made(`width:keep=0.6,score=obs,units=${units}`);
      await expect(made('gptq:bits=4,group=16,delta=true', model)).rejects.toMatchObject({
        code: 'bad_option',
        message: expect.stringContaining('removed heads or channels'),
      });
      await made('correct:ridge=1; gptq:bits=4,group=16', model);
    },
  );

  it('are refused in another basis of the stream, or where a layer is gone', async () => {
    const { model } = await made('slicegpt:sparsity=0.25,round=2');
    await expect(made('correct:ridge=1; rtn', model)).rejects.toMatchObject({
      message: expect.stringContaining('lies in another basis'),
    });
    await made('rtn', model);
    const { model: whole } = await made('slicegpt:sparsity=0,round=2');
    await expect(made('correct:ridge=1; rtn', whole)).rejects.toMatchObject({
      message: expect.stringContaining('lies in another basis'),
    });
    // Of one branch alone, as in layers whose branches are side by side.
    const turned = job.model.layers.map((layer) => ({ ...layer, attn_shortcut_Q: layer.attention.q_proj.weight }));
    await expect(made('correct:ridge=1; rtn', { ...job.model, layers: turned })).rejects.toMatchObject({
      message: expect.stringContaining('lies in another basis'),
    });
    const shorter = { ...job.model, layers: job.model.layers.slice(0, 1) };
    await expect(made('correct:ridge=1; rtn', shorter)).rejects.toMatchObject({
      message: expect.stringContaining('no layer by layer counterpart'),
    });
  });
});
