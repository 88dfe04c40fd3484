/** ONNX in: what was exported is found again under the names and in the layout of the checkpoint it came from. */
import { openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../../src/backend/cpu/cpu_backend.ts';
import { quantizedModel } from '../../src/export/precision.ts';
import { writeOnnx } from '../../src/export/write_onnx.ts';
import type { Checkpoint } from '../../src/formats/checkpoint.ts';
import type { ModelFile } from '../../src/formats/hf/files.ts';
import { openOnnx } from '../../src/formats/onnx/checkpoint.ts';
import { openSafetensors } from '../../src/formats/safetensors/checkpoint.ts';
import { type ByteSource, blobSource } from '../../src/formats/source.ts';
import { type OpenModel, openModel } from '../../src/models/open_model.ts';
import { firstWindowLogits } from '../../src/runtime/perplexity.ts';
import { expectBadInput } from '../bad_input.ts';
import { type TinyLlamaOptions, type TinyTensor, tinyLlama, tinyLlamaTensors } from '../fixtures/tiny_llama.ts';
import { oneWindow } from '../support/golden.ts';
import { memoryFiles } from './memory_files.ts';
import { type OptimumOptions, optimumLike } from './optimum_like.ts';

const IDS = [5, 17, 250, 3, 3, 99, 120, 41];
const backend = createCpuBackend();
afterAll(() => backend.dispose());

const logits = (open: OpenModel) => firstWindowLogits(backend, open.model, oneWindow(IDS));

/** The tiny model's folder with other weights in place of its safetensors. */
async function withWeights(options: TinyLlamaOptions, weights: { name: string; blob: Blob }[]): Promise<ModelFile[]> {
  const rest = (await tinyLlama(options)).filter(({ path }) => !path.includes('.safetensors'));
  return [...rest, ...weights.map(({ name, blob }) => ({ path: `tiny/${name}`, blob }))];
}

async function expectSameLogits(
  options: TinyLlamaOptions,
  weights: { name: string; blob: Blob }[],
): Promise<OpenModel> {
  const reference = await openModel(await tinyLlama(options));
  const open = await openModel(await withWeights(options, weights));
  expect(await logits(open)).toEqual(await logits(reference));
  return open;
}

async function whittled(options: TinyLlamaOptions, external_data: 'auto' | 'always', more = {}) {
  const { model } = await openModel(await tinyLlama(options));
  const files = memoryFiles();
  await writeOnnx(model, { external_data, ...more }, files.openFile);
  return files.names().map((name) => ({ name, blob: new Blob([files.bytes(name)]) }));
}

describe("Whittle's own exports open again, with the same logits to the bit", () => {
  it.each<[string, TinyLlamaOptions, 'auto' | 'always', object?]>([
    ['inline, tied', {}, 'auto'],
    ['external, tied', {}, 'always'],
    ['untied with biases, F16', { tied: false, attention_bias: true, mlp_bias: true, dtype: 'F16' }, 'auto'],
    ['BF16, external', { dtype: 'BF16', tied: false }, 'always'],
    ['with a KV cache', { tied: false }, 'auto', { layout: 'kv_cache' }],
    ['several external files', { tied: false }, 'always', { external_file_bytes: 8192 }],
  ])('%s', async (_, options, external_data, more) => {
    const weights = await whittled(options, external_data, more);
    const open = await expectSameLogits(options, weights);
    expect(open.warnings).toEqual([]);
    expect(open.files.map(({ name }) => name).sort()).toEqual(weights.map(({ name }) => name.split('/').pop()).sort());
  });

  it.each(['int8', 'int4'] as const)('in %s too, by the config of the family', async (precision) => {
    const options = { hidden_size: 32, intermediate_size: 64 };
    const { model } = await openModel(await tinyLlama(options));
    const expected = await quantizedModel(model, precision, { keepPacked: true });
    const open = await openModel(await withWeights(options, await whittled(options, 'auto', { precision })));
    expect(open.warnings).toEqual([]);
    expect(await logits(open)).toEqual(await firstWindowLogits(backend, expected, oneWindow(IDS)));
  });
});

describe('exports as Optimum writes them, with the logits of their safetensors', () => {
  const UNTIED: TinyLlamaOptions = { tied: false, attention_bias: true };
  it.each<[string, TinyLlamaOptions, OptimumOptions]>([
    ['renamed and transposed linears', UNTIED, {}],
    ['external data', UNTIED, { external: true }],
    ['F16 that is cast in the graph', { ...UNTIED, dtype: 'F16' }, { cast: true }],
    ['scopes with "model" twice', UNTIED, { scope_prefix: 'model/' }],
    ['the model inside a wrapper', UNTIED, { scope_prefix: 'm/', name_prefix: 'm.' }],
    ['the model two wrappers deep', UNTIED, { scope_prefix: 'inner/', name_prefix: 'net.inner.' }],
    ['scopes that lack a level inside', UNTIED, { scope_prefix: 'm/', name_prefix: 'm.', lost: 'model/' }],
    ['a tied head, transposed in the graph', { tied: true }, { tied_in_graph: true }],
    [
      'a square model, where no shape tells the layout',
      { ...UNTIED, intermediate_size: 16, num_key_value_heads: 4 },
      {},
    ],
  ])('%s', async (_, options, how) => {
    const open = await expectSameLogits(options, await optimumLike(tinyLlamaTensors(options), how));
    expect(open.warnings).toEqual([]);
  });

  it.each(['identity', 'scope'] as const)('equal norms that are stored once: %s', async (shared_norms) => {
    // All norms alike, as of a model that was never trained.
    const options: TinyLlamaOptions = {
      ...UNTIED,
      edit: (tensors) =>
        tensors.map((tensor) => (/norm\./.test(tensor.name) ? { ...tensor, values: tensor.values.fill(1) } : tensor)),
    };
    const tensors = options.edit!(tinyLlamaTensors(options));
    await expectSameLogits(options, await optimumLike(tensors, { shared_norms }));
  });

  it('a tied model with its head stored apart: the copy is not used', async () => {
    const tensors = tinyLlamaTensors({ tied: true });
    const copy = { ...tensors[0], name: 'lm_head.weight' };
    const open = await expectSameLogits({ tied: true }, await optimumLike([...tensors, copy]));
    expect(open.warnings).toEqual([]);
    expect(open.model.lm_head.weight).toBe(open.model.embed_tokens.weight);
  });

  it("Gemma's norms, to which the exporter has added 1", async () => {
    const gemma: TinyLlamaOptions = {
      tied: true,
      head_dim: 4,
      config: {
        model_type: 'gemma',
        architectures: ['GemmaForCausalLM'],
        hidden_act: 'gelu_pytorch_tanh',
        hidden_activation: 'gelu_pytorch_tanh',
        rms_norm_eps: 1e-6,
      },
    };
    // Multiples of 1/64: adding 1 is exact, so that both sides have the same weights.
    gemma.edit = (tensors) =>
      tensors.map((tensor) =>
        /norm\./.test(tensor.name)
          ? { ...tensor, values: tensor.values.map((x) => Math.round(64 * (x - 1)) / 64) }
          : tensor,
      );
    const tensors = gemma.edit(tinyLlamaTensors(gemma));
    await expectSameLogits(gemma, await optimumLike(tensors, { folded_offset: 1, tied_in_graph: true }));
    // A norm that kept its name is the weight itself.
    await expectSameLogits(gemma, await optimumLike(tensors, { tied_in_graph: true }));
  });
});

describe('real exports of torch.onnx (tools/onnx_exports.py)', () => {
  const fixture = async (name: string) => {
    const blob = await openAsBlob(join(import.meta.dirname, '..', 'fixtures', 'onnx', name));
    return blobSource(name, blob);
  };

  it.each(['llama_torchscript', 'gpt2_dynamo'])('%s holds every tensor of the state dict', async (name) => {
    const { checkpoint: expected } = await openSafetensors([await fixture(`${name}.safetensors`)]);
    const { checkpoint, warnings, summary } = await openOnnx(await fixture(`${name}.onnx`), () => undefined);
    expect(warnings).toEqual([]);
    expect(summary).toMatch(/^ONNX from pytorch 2\.\d+.*; inputs input_ids INT64 \[/);
    expect([...checkpoint.tensors.keys()].sort()).toEqual([...expected.tensors.keys()].sort());
    for (const [tensor, { shape }] of expected.tensors) {
      expect(checkpoint.tensors.get(tensor)?.shape, tensor).toEqual(shape);
      expect(await checkpoint.read(tensor), tensor).toEqual(await expected.read(tensor));
    }
  });
});

describe('a transposed matrix', () => {
  it('gives any rows, read in bands and turned once for all blocks', async () => {
    const shape = [300, 70] as const;
    const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => i);
    const [file] = await optimumLike([
      { name: 'model.embed_tokens.weight', dtype: 'F32', shape: [300, 70], values },
      { name: 'lm_head.weight', dtype: 'F32', shape, values },
    ]);
    let bytes = 0;
    const source = blobSource('model.onnx', file.blob);
    const counted: ByteSource = {
      ...source,
      read(offset, length) {
        bytes += length;
        return source.read(offset, length);
      },
    };
    const { checkpoint } = await openOnnx(counted, () => undefined);
    bytes = 0;
    const read = blocks(checkpoint, 'lm_head.weight', 300, 64);
    expect(await read).toEqual(values);
    expect(bytes).toBe(values.byteLength);
    const some = await checkpoint.read('lm_head.weight', { start: 17, end: 19 });
    expect(new Float32Array(some.slice().buffer)).toEqual(values.slice(17 * 70, 19 * 70));
    await expect(checkpoint.read('lm_head.weight', { start: 0, end: 301 })).rejects.toThrow(RangeError);
    await expect(checkpoint.read('lm_head.weigth')).rejects.toMatchObject({ code: 'missing_tensor' });
  });
});

async function blocks(checkpoint: Checkpoint, name: string, rows: number, step: number): Promise<Float32Array> {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < rows; start += step) {
    parts.push(await checkpoint.read(name, { start, end: Math.min(rows, start + step) }));
  }
  return new Float32Array(new Uint8Array(Buffer.concat(parts)).buffer);
}

describe('dropped files', () => {
  const options: TinyLlamaOptions = { tied: false };
  const weights = () => optimumLike(tinyLlamaTensors(options), { external: true });

  it('as transformers.js has them, in a folder onnx, with what was not used', async () => {
    const inside = (await weights()).map(({ name, blob }) => ({ name: `onnx/${name}`, blob }));
    const quantised = { name: 'onnx/model_q4.onnx', blob: new Blob(['x']) };
    const open = await expectSameLogits(options, [...inside, quantised]);
    expect(open.name).toBe('tiny');
    expect(open.warnings).toEqual(['Not used: onnx/model_q4.onnx.']);
  });

  it('safetensors before ONNX, where both are there', async () => {
    const files = [...(await tinyLlama(options)), { path: 'tiny/onnx/model.onnx', blob: new Blob(['x']) }];
    const open = await openModel(files);
    expect(open.files.map(({ name }) => name)).toEqual(['model.safetensors']);
  });

  it('without the external data', async () => {
    const [model] = await weights();
    await expectBadInput(
      openModel(await withWeights(options, [model])),
      'missing_shard',
      'model.onnx_data',
      'Drop the data files',
    );
  });

  it('a bare decoder: what it is, and what to put beside it', async () => {
    const [{ blob }] = await optimumLike(tinyLlamaTensors(options));
    const bare = [{ path: 'model.onnx', blob }];
    await expectBadInput(
      openModel(bare),
      'not_a_model',
      'no config.json beside this ONNX file',
      'ONNX from pytorch 2.4.0, opset 17, IR 8',
      '15 MatMul',
      'inputs input_ids INT64 [batch_size, sequence_length]',
      '21 initialisers',
      'config.json and tokenizer.json',
    );
  });

  it('weights of another model than the config says: the error tells what the file holds', async () => {
    const files = await withWeights({ ...options, num_hidden_layers: 3 }, await weights());
    await expectBadInput(openModel(files), 'missing_tensor', 'model.layers.2', 'The file is ONNX from pytorch');
  });

  it('no decoder: refused with what it is', async () => {
    const conv: TinyTensor = { name: 'fc', dtype: 'F32', shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) };
    const config = { model_type: 'resnet', architectures: ['ResNetForImageClassification'] };
    const files = await withWeights({ config }, await optimumLike([conv]));
    await expectBadInput(
      openModel(files),
      'unknown_architecture',
      'resnet',
      'The file is ONNX from pytorch',
      '1 MatMul',
    );
  });
});
