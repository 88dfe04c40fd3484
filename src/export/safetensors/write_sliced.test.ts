import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Family, families, family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { type TinyLlamaOptions, tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { familyJob, oneWindow } from '../../../test/support/golden.ts';
import { compress, EXACT_SEQUENTIAL, perplexity, seededText, testJob } from '../../../test/support/slice_job.ts';
import { reopen, writeModel } from '../../../test/support/written_model.ts';
import { createCpuBackend } from '../../backend/cpu/cpu_backend.ts';
import { isSliced } from '../../compress/slicegpt/permits.ts';
import { HEAD_KINDS } from '../../compress/slicegpt/plan.ts';
import { type DecoderModel, storedWeights } from '../../models/decoder_model.ts';
import { countParameters } from '../../models/model_size.ts';
import { openModel } from '../../models/open_model.ts';
import { describeModel } from '../../models/sliced/describe.ts';
import { weightNames } from '../../models/sliced/weight_names.ts';
import { rowsOf } from '../../models/weight_views.ts';
import { firstWindowLogits } from '../../runtime/perplexity.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { blockOf } from '../../tensor/dtype.ts';
import { quantize } from '../../tensor/quant/quantize.ts';
import { quantizedModel } from '../precision.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());

const TEXTS = { calibration: seededText(1, 400), evaluation: seededText(2, 200) };
const SIZES = { seqlen: 16, samples: 4, eval_samples: 2 };
const TINY: TinyLlamaOptions = { hidden_size: 32, intermediate_size: 40, max_position_embeddings: 64 };

const describeBuilt = (model: DecoderModel) => describeModel(model, weightNames(model));

/** Same structure, same weights in the same places, same numbers out. */
async function expectSame(found: DecoderModel, expected: DecoderModel, windows: TokenWindows) {
  expect(describeBuilt(found)).toEqual(describeBuilt(expected));
  expect(countParameters(found)).toBe(countParameters(expected));
  const [logits, wanted] = [
    await firstWindowLogits(backend, found, windows),
    await firstWindowLogits(backend, expected, windows),
  ];
  expect(Math.max(...logits.subarray(0, 50))).not.toBe(0);
  expect(logits).toEqual(wanted);
}

const MODELS: Record<string, TinyLlamaOptions> = {
  'tied, F32': TINY,
  'tied, BF16': { ...TINY, dtype: 'BF16' },
  'untied, biases, F16': { ...TINY, tied: false, attention_bias: true, mlp_bias: true, dtype: 'F16' },
};

describe.each(Object.entries(MODELS))('a Llama (%s)', (_, options) => {
  it('is the same after writing and reopening, dense', async () => {
    const job = await testJob(await tinyLlama(options), TEXTS, SIZES);
    const open = await reopen(job.model, { config: { model_type: 'llama' } });
    expect(open.warnings).toEqual([]);
    expect(isSliced(open.model)).toBe(false);
    await expectSame(open.model, job.model, job.evaluation);
  });

  const heads = HEAD_KINDS.filter((head) => options.tied !== false || !head.startsWith('tied'));
  it.each(heads)('is the same after writing and reopening, sliced with the head %s', async (head) => {
    const job = await testJob(await tinyLlama(options), TEXTS, SIZES);
    const fusion = options.dtype === 'BF16' ? 'official' : 'exact';
    const { model } = await compress(backend, job, { ...EXACT_SEQUENTIAL, fusion, head, sparsity: 0.25 });
    const open = await reopen(model, { config: { model_type: 'llama' } });
    expect(open.warnings).toEqual([]);
    expect(isSliced(open.model)).toBe(true);
    expect(open.model.lm_head.weight === open.model.embed_tokens.weight).toBe(head.startsWith('tied'));
    await expectSame(open.model, model, job.evaluation);
    expect(await perplexity(backend, open.model, job.evaluation)).toBe(
      await perplexity(backend, model, job.evaluation),
    );
    // Written once more, the folder is the same to the byte.
    const [first, second] = [model, open.model].map((each) => writeModel(each, { config: open.raw_config }));
    expect((await second).listed).toEqual((await first).listed);
  });
});

describe.each((await families()).map((each) => [each.name, each] as const))('%s', (_, each: Family) => {
  it('is the same after writing and reopening', async () => {
    const { model } = await openModel(await familyFiles(each));
    const open = await reopen(model, { config: each.config });
    expect(open.warnings.filter((warning) => !warning.includes('tokenizer'))).toEqual([]);
    await expectSame(open.model, model, oneWindow(each.runs[0].input_ids));
  });
});

describe.each(['opt', 'gpt2', 'phi', 'gpt_neox', 'falcon_40b', 'qwen3', 'granite'])('%s', (name) => {
  it('is the same after writing and reopening, sliced', async () => {
    const job = await familyJob(await family(name));
    const { model } = await compress(backend, job, { ...EXACT_SEQUENTIAL, round: 1, sparsity: 0.3 });
    const open = await reopen(model, { config: {} });
    expect(isSliced(open.model)).toBe(true);
    await expectSame(open.model, model, job.evaluation);
  });
});

describe('the folder', () => {
  let model: DecoderModel;
  beforeAll(async () => {
    const job = await testJob(await tinyLlama(TINY), TEXTS, SIZES);
    ({ model } = await compress(backend, job, { ...EXACT_SEQUENTIAL, head: 'tied', sparsity: 0.5 }));
  });

  it('is no checkpoint of a family, which has other shapes or names: a loader must refuse it, not start from random weights', async () => {
    const config = { model_type: 'gpt2', architectures: ['GPT2LMHeadModel'] };
    const written = await (await writeModel(model, { config })).json('config.json');
    expect(written).toMatchObject({ model_type: 'whittle', whittle: { source: config } });
    expect((await reopen(model, { config })).raw_config).toMatchObject(config);
    const llama = await (await writeModel(model, { config: { model_type: 'llama' } })).json('config.json');
    expect(llama.model_type).toBe('whittle');
  });

  it('keeps what is true of the config, says how slicing was done, and lists its files with their hashes', async () => {
    const config = { model_type: 'llama', rope_theta: 5, dtype: 'float64', quantization_config: { bits: 4 } };
    const written = await writeModel(model, { config, method: { method: 'slicegpt', sparsity: 0.5 } });
    expect(await written.json('config.json')).toMatchObject({
      model_type: 'whittle',
      rope_theta: 5,
      dtype: 'float32',
      tie_word_embeddings: true,
      whittle: { method: 'slicegpt', sparsity: 0.5, decoder: { version: 1 } },
    });
    expect(Object.keys(await written.json('config.json'))).not.toContain('quantization_config');
    expect(written.listed.map(({ name }) => name)).toEqual(['model.safetensors', 'slicing_config.json', 'config.json']);
    for (const { name, bytes, sha256 } of written.listed) {
      const blob = written.files.find(({ path }) => path === `written/${name}`)?.blob as Blob;
      expect(bytes).toBe(blob.size);
      const hash = createHash('sha256').update(new Uint8Array(await blob.arrayBuffer()));
      expect(sha256).toBe(hash.digest('hex'));
    }
  });

  it('names weights as Hugging Face and the official code do, the tied table once', () => {
    const names = [...weightNames(model).values()];
    expect(names.length).toBe(storedWeights(model).length);
    expect(names).toEqual(
      expect.arrayContaining([
        'model.embed_tokens.weight',
        'model.embed_tokens.projection',
        'model.layers.1.self_attn.q_proj.weight',
        'model.layers.0.attn_shortcut_Q',
        'model.layers.1.mlp_shortcut_Q',
        'model.norm.weight',
      ]),
    );
    expect(names).not.toContain('lm_head.weight');
  });

  it('gives every size in the field names of the official code', async () => {
    const { json } = await writeModel(model, { config: {} });
    expect(await json('slicing_config.json')).toEqual({
      hidden_size: 32,
      layers_num: 2,
      do_slice_head: false,
      parallel_blocks: false,
      embedding_dimensions: { 0: 16 },
      attention_input_dimensions: { 0: 16, 1: 16 },
      attention_output_dimensions: { 0: 16, 1: 16 },
      mlp_input_dimensions: { 0: 16, 1: 16 },
      mlp_output_dimensions: { 0: 16, 1: 32 },
      head_dimension: 32,
      const_dimension: null,
    });
  });

  it('gives the sizes of parallel blocks and of learned positions', async () => {
    const sizes = async (name: string) => {
      const { model: dense } = await openModel(await familyFiles(await family(name)));
      return (await writeModel(dense, { config: {} })).json('slicing_config.json');
    };
    const { config: phi } = await family('phi');
    const D = phi.hidden_size as number;
    const each = Object.fromEntries(Array.from({ length: phi.num_hidden_layers as number }, (_, i) => [i, D]));
    expect(await sizes('phi')).toMatchObject({
      parallel_blocks: true,
      attention_input_dimensions: each,
      attention_output_dimensions: {},
      mlp_input_dimensions: {},
      mlp_output_dimensions: each,
      head_dimension: D,
    });
    const { hidden_size } = (await family('opt')).config;
    expect((await sizes('opt')).embedding_dimensions).toEqual({ 0: hidden_size, 1: hidden_size });
  });

  it('is split into shards below a size, with an index, and opens just the same', async () => {
    const shard_bytes = 10_000;
    const written = await writeModel(model, { config: {}, shard_bytes });
    const shards = written.listed.filter(({ name }) => name.endsWith('.safetensors'));
    expect(shards.length).toBeGreaterThan(2);
    expect(shards[0].name).toBe(`model-00001-of-${String(shards.length).padStart(5, '0')}.safetensors`);
    const index = await written.json('model.safetensors.index.json');
    expect(new Set(Object.values(index.weight_map as Record<string, string>))).toEqual(
      new Set(shards.map(({ name }) => name)),
    );
    const table = storedWeights(model)[0].shape.reduce((product, size) => product * size, 4);
    for (const { bytes } of shards) expect(bytes).toBeLessThan(Math.max(shard_bytes, table) + 4000);
    const open = await openModel(written.files);
    expect(open.warnings).toEqual([]);
    expect(describeBuilt(open.model)).toEqual(describeBuilt(model));
    for (const [i, ref] of storedWeights(open.model).entries()) {
      expect(await ref.read()).toEqual(await storedWeights(model)[i].read());
    }
  });

  it('stores block-quantised weights as F16', async () => {
    const files = await tinyLlama({ hidden_size: 64, intermediate_size: 64, max_position_embeddings: 64 });
    const job = await testJob(files, TEXTS, SIZES);
    const [layer] = job.model.layers;
    const values = new Float32Array((await layer.mlp.up_proj.weight.read()).slice().buffer);
    const blocks = quantize(values, 'Q8_0');
    const row = (64 / blockOf('Q8_0').elements) * blockOf('Q8_0').bytes;
    const weight = {
      name: 'up',
      dtype: 'Q8_0',
      shape: [64, 64],
      read: async ({ start, end } = { start: 0, end: 64 }) => blocks.slice(start * row, end * row),
    } as const;
    const split = { ...layer.mlp, up_proj: { weight: rowsOf(weight, 0, 64, 'up_proj') } };
    const quantised = { ...job.model, layers: [{ ...layer, mlp: split }, ...job.model.layers.slice(1)] };
    const open = await reopen(quantised, { config: {} });
    expect(open.model.layers[0].mlp.up_proj.weight.dtype).toBe('F16');
    expect(open.model.layers[1].mlp.up_proj.weight.dtype).toBe('F32');
    await expectSame(open.model, await quantizedModel(quantised, 'stored'), job.evaluation);
  });

  it('is closed when writing fails or is cancelled', async () => {
    let closed = 0;
    const controller = new AbortController();
    const { writeSliced } = await import('./write_sliced.ts');
    const writing = writeSliced(model, { config: {}, signal: controller.signal }, async () => ({
      write: async () => controller.abort(),
      close: async () => {
        closed++;
      },
    }));
    await expect(writing).rejects.toMatchObject({ code: 'cancelled' });
    expect(closed).toBe(1);
    await expect(reopen(model, { config: {}, shard_bytes: 0 })).rejects.toMatchObject({ code: 'bad_option' });
  });
});
