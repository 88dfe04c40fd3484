/** Layers that go: which, files of what stays, refusals. Figures are in test/pruning.test.ts. */
import * as ort from 'onnxruntime-web/wasm';
import { describe, expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { type TinyLlamaOptions, tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { memoryFiles } from '../../../test/onnx/memory_files.ts';
import { runRecipe } from '../../../test/support/recipe_job.ts';
import { perplexity, seededText, testJob } from '../../../test/support/slice_job.ts';
import { ggufBytes, ggufSource } from '../../../test/support/written_gguf.ts';
import { writeModel } from '../../../test/support/written_model.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { verifySession } from '../../engine/verify/session.ts';
import { ggufRefusal } from '../../export/gguf/write_gguf.ts';
import { writeOnnx } from '../../export/write_onnx.ts';
import { type DecoderModel, storedWeights } from '../../models/decoder_model.ts';
import { type OpenModel, openModel } from '../../models/open_model.ts';
import { firstWindowLogits } from '../../runtime/perplexity.ts';
import { parseRecipe } from '../recipe/recipe.ts';
import { requireMethod } from '../registry.ts';
import { withoutLayers } from './layers.ts';

ort.env.wasm.numThreads = 1;

const LLAMA: TinyLlamaOptions = { num_hidden_layers: 4 };
const texts = { calibration: seededText(3, 700), evaluation: seededText(4, 300) };
const SIZES = { seqlen: 32, samples: 6, eval_samples: 2 };
const backend = createWasmBackend();

async function shallower(files: Awaited<ReturnType<typeof tinyLlama>>, recipe: string) {
  const job = await testJob(files, texts, SIZES);
  const model = await runRecipe(backend, job, recipe);
  const loss = (of: DecoderModel) => perplexity(backend, of, job.evaluation);
  return { job, open: await openModel(files), model, loss };
}

async function safetensors(open: OpenModel, model: DecoderModel) {
  const written = await writeModel(model, { config: open.raw_config, precision: 'f32' });
  return { config: await written.json('config.json'), again: await openModel(written.files) };
}

function refusal(model: DecoderModel, options: Record<string, unknown>): string {
  return requireMethod('depth').refusal(model, { drop: 1, replace: 'linear', ...options } as never) ?? '';
}

describe('files', () => {
  it('a plain model of the family, from safetensors, GGUF and ONNX', async () => {
    const { job, open, model, loss } = await shallower(await tinyLlama(LLAMA), 'depth:drop=1');
    expect(model.layers.map(({ index }) => index)).toEqual([0, 1, 2]);
    const own = storedWeights(model).map(({ name }) => name);
    expect(new Set(own).size).toBe(own.length);
    const { config, again } = await safetensors(open, model);
    expect(config).toMatchObject({ model_type: 'llama', num_hidden_layers: 3 });
    const wanted = await loss(model);
    expect(await loss(again.model)).toBeCloseTo(wanted, 6);
    const source = { ...ggufSource(open), model };
    const blob = new Blob([await ggufBytes(source, { precision: 'f32' })]);
    expect(await loss((await openModel([{ path: 'shallower.gguf', blob }])).model)).toBeCloseTo(wanted, 5);
    const stored = memoryFiles();
    await writeOnnx(model, { external_data: 'auto', metadata: {}, layout: 'kv_cache' }, stored.openFile);
    const files = stored.names().map((file) => ({ name: file, file: new Blob([stored.bytes(file)]) }));
    const { first_logits } = await verifySession(ort, files, job.evaluation);
    const logits = await firstWindowLogits(backend, model, job.evaluation);
    expect(Math.max(...logits.map((value, i) => Math.abs(value - first_logits[i])))).toBeLessThan(2e-5);
  });

  it.each([
    ['gemma2', 'layer_types'],
    ['qwen2_window', 'layer_types'],
    ['smollm3', 'no_rope_layers'],
    ['mistral', undefined],
  ] as const)('%s: what each layer is goes with it into the config', async (name, key) => {
    const open = await openModel(await familyFiles(await family(name)));
    const own = open.model.layers.map(({ attention: { sliding_window, rotary } }) => [sliding_window, rotary?.dim]);
    for (const gone of own.keys()) {
      const model = withoutLayers(open.model, [gone]);
      const { config, again } = await safetensors(open, model);
      expect(config.model_type).toBe(open.raw_config.model_type);
      const lists = Object.entries(config).filter(([field]) => /layer_types|no_rope_layers/.test(field));
      for (const [, list] of lists) expect(list).toHaveLength(own.length - 1);
      if (!key) expect(lists).toEqual([]);
      expect(
        again.model.layers.map(({ attention: { sliding_window, rotary } }) => [sliding_window, rotary?.dim]),
      ).toEqual(own.filter((_, i) => i !== gone));
    }
  });

  it('what no config of the family says: Whittle’s own, and GGUF says why not', async () => {
    const open = await openModel(await familyFiles(await family('gpt2_scaled')));
    const model = withoutLayers(open.model, [0]);
    const { config, again } = await safetensors(open, model);
    expect(config.model_type).toBe('whittle');
    expect(again.model.layers.map(({ attention }) => attention.scale)).toEqual(
      model.layers.map(({ attention }) => attention.scale),
    );
    expect(ggufRefusal(model, open.raw_config, ggufSource(open))).toBeTruthy();
  });
});

describe('the linear map', () => {
  it.each(['granite', 'stablelm_parallel', 'opt'])('%s: nearer the dense model than nothing', async (name) => {
    const files = await familyFiles(await family(name));
    const job = await testJob(files, texts, SIZES);
    const logits = async (model: DecoderModel) => firstWindowLogits(backend, model, job.calibration);
    const dense = await logits(job.model);
    const count = job.model.layers.length;
    // All but the first go, so that both ways leave out the same.
    const recipe = (replace: string) => `depth:drop=${count - 1},replace=${replace}`;
    const linear = await runRecipe(backend, job, recipe('linear'));
    const rest = Array.from({ length: count - 1 }, (_, i) => i + 1);
    const far = (of: Float32Array) => of.reduce((sum, value, i) => sum + (value - dense[i]) ** 2, 0);
    expect(linear.layers).toHaveLength(1);
    expect(far(await logits(linear))).toBeLessThan(far(await logits(withoutLayers(job.model, rest))));
  });
});

describe('with other steps', () => {
  it('packed before it without a map, packed behind it with one', async () => {
    const files = await tinyLlama(LLAMA);
    const after = await shallower(files, 'depth:drop=2; gptq:bits=8,group=row');
    const before = await shallower(files, 'rtn:bits=8,group=row; depth:drop=2,replace=none');
    for (const { model, loss } of [after, before]) {
      expect(model.layers).toHaveLength(2);
      expect(model.layers[1].mlp.down_proj.weight.packed).toBeDefined();
      expect(Number.isFinite(await loss(model))).toBe(true);
    }
    await expect(shallower(files, 'rtn:bits=8,group=row; depth')).rejects.toThrow(/packed already.*replace=none/);
  });

  it.each(['depth; correct; gptq', 'depth; gptq:delta=true', 'depth; svd:delta=true'])(
    '%s: told before anything runs',
    (recipe) => expect(() => parseRecipe(recipe)).toThrow(/compares layer by layer with the dense model.*depth/),
  );

  it('an importance matrix of all layers says nothing of those that stay', async () => {
    const job = await testJob(await tinyLlama(LLAMA), texts, SIZES);
    const given = new Map<string, Float64Array>();
    await expect(runRecipe(backend, job, 'depth; gguf:type=q8_0', given)).rejects.toThrow(/4 layers.*left 3/);
  });

  it('is refused where layers do not fit together, or a norm stands behind the MLP', async () => {
    const { model } = await testJob(await tinyLlama(LLAMA), texts, SIZES);
    expect(refusal(model, { drop: 4 })).toMatch(/4 layers.*3 at most/);
    expect(refusal(model, { drop: 3 })).toBe('');
    expect(refusal({ ...model, layers: model.layers.slice(0, 1) }, {})).toBe('it has one layer, which has to stay');
    const sliced = { ...model, layers: model.layers.map((layer) => ({ ...layer, mlp_shortcut_Q: model.norm.weight })) };
    expect(refusal(sliced, {})).toMatch(/before slicegpt/);
    const [first, ...others] = model.layers;
    const wide = { ...first, mlp: { ...first.mlp, up_proj: first.mlp.gate_proj ?? first.mlp.up_proj } };
    const fewer = { ...wide, mlp: { ...wide.mlp, up_proj: { weight: { ...wide.mlp.up_proj.weight, shape: [1, 1] } } } };
    expect(refusal({ ...model, layers: [fewer, ...others] }, {})).toMatch(/different sizes/);
    const gemma = (await openModel(await familyFiles(await family('gemma2')))).model;
    expect(refusal(gemma, {})).toMatch(/norm stands behind down_proj/);
    expect(refusal(gemma, { replace: 'none' })).toBe('');
  });
});
