/** Shapes, files and refusals of pruned models; figures are in test/pruning.test.ts, the solvers' here. */
import { describe, expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import expected from '../../../test/fixtures/pruning.json';
import { type TinyLlamaOptions, tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { runRecipe } from '../../../test/support/recipe_job.ts';
import { perplexity, seededText, type TestJob, testJob } from '../../../test/support/slice_job.ts';
import { ggufBytes, ggufSource } from '../../../test/support/written_gguf.ts';
import { writeModel } from '../../../test/support/written_model.ts';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { ggufRefusal } from '../../export/gguf/write_gguf.ts';
import { cacheRefusal, sizedConfig } from '../../export/sized_config.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { type OpenModel, openModel } from '../../models/open_model.ts';
import { requireMethod } from '../registry.ts';
import { keptWeights } from '../solvers/kept_inputs.ts';
import { columnScores, lowestUnits, obsCosts, obsGone } from '../solvers/unit_scores.ts';
import { standardised, unitMeans } from './budget.ts';

function numbers(seed: number, count: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

/** As tools/solvers/make_fixtures.py makes it. */
function fixed() {
  const [rows, columns, tokens] = [6, 40, 90];
  const W = numbers(7, rows * columns);
  const noise = numbers(8, tokens * columns);
  const X = noise.map((value, i) => {
    const column = i % columns;
    return column === 20 ? 0 : value * (0.2 + (column % 7)) + 0.5 * noise[i - column];
  });
  const gram = new Float64Array(columns * columns);
  addProduct(columns, columns, tokens, transposed(view(X, columns)), view(X, columns), view(gram, columns));
  const sums = new Float64Array(columns);
  for (let i = 0; i < X.length; i++) sums[i % columns] += X[i];
  const diagonal = Float64Array.from({ length: columns }, (_, i) => gram[i * columns + i]);
  return { W, rows, columns, tokens, gram, sums, diagonal };
}

function worst(found: ArrayLike<number>, wanted: readonly number[]): number {
  expect(found.length).toBe(wanted.length);
  return Math.max(...wanted.map((value, i) => Math.abs(value - found[i]) / (1 + Math.abs(value))));
}

describe('solvers, against torch', () => {
  const { W, rows, columns, tokens, gram, sums, diagonal } = fixed();
  const { matrices } = expected;
  const fours = { W, rows, columns, width: 4 };

  it.each(['wanda', 'flap'] as const)('score %s of units, and standardised over a layer', (score) => {
    const scores = columnScores(score, fours, { tokens, diagonal, sums }, false);
    const units = unitMeans(scores, fours).map((value) => 4 * value);
    expect(worst(units, matrices.scores[score])).toBeLessThan(1e-9);
    expect(worst(unitMeans(standardised(scores), fours), matrices.standard[score])).toBeLessThan(1e-9);
  });

  it('costs and order of OBS, groups and single columns', async () => {
    const costs = await obsCosts(fours, gram);
    expect(worst(costs, matrices.scores.obs)).toBeLessThan(1e-9);
    expect(worst(standardised(costs), matrices.standard.obs)).toBeLessThan(1e-9);
    expect(await obsGone(fours, gram, 6)).toEqual(matrices.obs_groups);
    expect(await obsGone({ ...fours, width: 1 }, gram, 25)).toEqual(matrices.obs_singles);
  });

  it('least squares on what is kept, with and without means', async () => {
    const kept = Uint32Array.from({ length: columns }, (_, i) => i).filter((i) => i % 3 !== 0);
    const plain = await keptWeights(W, rows, columns, kept, { gram, tokens });
    expect(worst(plain.V, matrices.compensated.flat())).toBeLessThan(1e-9);
    expect([...plain.bias]).toEqual([0, 0, 0, 0, 0, 0]);
    const means = sums.map((sum) => sum / tokens);
    const centred = await keptWeights(W, rows, columns, kept, { gram, means, tokens });
    expect(worst(centred.V, matrices.centred.flat())).toBeLessThan(1e-9);
    expect(worst(centred.bias, matrices.bias)).toBeLessThan(1e-9);
  });

  it('the lowest, equal ones by index', () => expect(lowestUnits([3, 1, 2, 1], 2)).toEqual([1, 3]));
});

const LLAMA: TinyLlamaOptions = {
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 3,
  num_attention_heads: 8,
  num_key_value_heads: 4,
};
const texts = { calibration: seededText(3, 700), evaluation: seededText(4, 300) };
const SIZES = { seqlen: 32, samples: 6, eval_samples: 2 };

async function pruned(files: Awaited<ReturnType<typeof tinyLlama>>, recipe: string) {
  const backend = createWasmBackend();
  const job = await testJob(files, texts, SIZES);
  const open = await openModel(files);
  const model = await runRecipe(backend, job, recipe);
  const loss = (of: DecoderModel) => perplexity(backend, of, job.evaluation);
  return { job, open, model, loss };
}

const sizes = ({ layers }: DecoderModel) =>
  layers.map(({ attention: a, mlp }) => [a.num_attention_heads, a.num_key_value_heads, mlp.down_proj.weight.shape[1]]);

async function safetensors(open: OpenModel, model: DecoderModel) {
  const written = await writeModel(model, { config: open.raw_config, precision: 'f32' });
  return { config: await written.json('config.json'), again: await openModel(written.files) };
}

describe('files', () => {
  it('layers alike: the family’s own, with its sizes, from safetensors and from GGUF', async () => {
    const { open, model, loss } = await pruned(await tinyLlama(LLAMA), 'width:keep=0.5');
    expect(sizes(model)).toEqual([
      [4, 2, 24],
      [4, 2, 24],
      [4, 2, 24],
    ]);
    const { config, again } = await safetensors(open, model);
    expect(config).toMatchObject({
      model_type: 'llama',
      num_attention_heads: 4,
      num_key_value_heads: 2,
      intermediate_size: 24,
      head_dim: 4,
    });
    expect(await loss(again.model)).toBeCloseTo(await loss(model), 6);
    const source = { ...ggufSource(open), model };
    const blob = new Blob([await ggufBytes(source, { precision: 'f32' })]);
    const gguf = await openModel([{ path: 'pruned.gguf', blob }]);
    expect(sizes(gguf.model)).toEqual(sizes(model));
    expect(await loss(gguf.model)).toBeCloseTo(await loss(model), 5);
  });

  it('layers that differ: described, opened again; GGUF and transformers.js say why not', async () => {
    const { open, model, loss } = await pruned(await tinyLlama(LLAMA), 'width:keep=0.6,score=flap,budget=global');
    const found = sizes(model);
    expect(new Set(found.map(String)).size).toBeGreaterThan(1);
    const { config, again } = await safetensors(open, model);
    expect(config.model_type).toBe('whittle');
    expect(sizes(again.model)).toEqual(found);
    expect(await loss(again.model)).toBeCloseTo(await loss(model), 6);
    expect(ggufRefusal(model, open.raw_config, ggufSource(open))).toMatch(/channels|heads that differ/);
    expect(requireMethod('slicegpt').refusal(model, { head: 'auto' } as never)).toMatch(/Put slicegpt first/);
  });

  it('heads of a class that divides the width by them: described; channels alone: the family’s own', async () => {
    const files = await familyFiles(await family('opt'));
    const heads = await pruned(files, 'width:keep=0.5');
    expect((await safetensors(heads.open, heads.model)).config.model_type).toBe('whittle');
    expect(cacheRefusal(heads.model)).toMatch(/divides by the heads/);
    const channels = await pruned(files, 'width:keep=0.5,units=channels');
    const { config, again } = await safetensors(channels.open, channels.model);
    expect(config.model_type).toBe('opt');
    expect(config.ffn_dim).toBe(Math.ceil((channels.open.raw_config.ffn_dim as number) / 2));
    expect(cacheRefusal(channels.model)).toBeUndefined();
    expect(await channels.loss(again.model)).toBeCloseTo(await channels.loss(channels.model), 6);
  });

  it('a config keeps its own keys, and is left alone where nothing changed', async () => {
    const { open, model, loss } = await pruned(await tinyLlama(LLAMA), 'width:keep=1');
    expect(await loss(model)).toBe(await loss(open.model));
    expect(sizedConfig(open.raw_config, model)).toBe(open.raw_config);
  });
});

describe('with other steps', () => {
  it('correct before it, and integers behind it', async () => {
    const files = await tinyLlama(LLAMA);
    const { open, model, loss } = await pruned(files, 'correct:ridge=1; width:keep=0.75; gptq:bits=8,group=row');
    expect(sizes(model)).toEqual([
      [6, 3, 36],
      [6, 3, 36],
      [6, 3, 36],
    ]);
    // A random model: only that it stays near what it was.
    const [before, after] = [await loss(open.model), await loss(model)];
    expect(Math.abs(Math.log(after / before))).toBeLessThan(1);
    await expect(pruned(files, 'width:keep=0.5; gptq:bits=4,delta=true')).rejects.toThrow(/cannot be compared/);
    await expect(pruned(files, 'rtn:bits=4; width:keep=0.5')).rejects.toThrow(/packed already/);
  });

  it('is refused for heads where norms span all of them', async () => {
    const { model } = (await testJob(await familyFiles(await family('olmo2')), texts, SIZES)) as TestJob;
    const method = requireMethod('width');
    const options = {
      keep: 0.5,
      score: 'obs',
      units: 'heads+channels',
      budget: 'uniform',
      compensate: true,
      bias: false,
    };
    expect(method.refusal(model, options as never)).toMatch(/span all heads/);
    expect(method.refusal(model, { ...options, units: 'channels' } as never)).toBeUndefined();
  });
});
