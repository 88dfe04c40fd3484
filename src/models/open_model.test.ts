import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../test/bad_input.ts';
import { family } from '../../test/fixtures/families/family_model.ts';
import { ggufBlob, ggufFamily } from '../../test/fixtures/gguf_model.ts';
import { type TinyLlamaOptions, tinyLlama, tinyLlamaTensors } from '../../test/fixtures/tiny_llama.ts';
import { describeWithShared, sharedModelFiles } from '../../test/shared.ts';
import type { FloatType } from '../tensor/dtype.ts';
import { decodeToFloat32, encodeFromFloat } from '../tensor/half.ts';
import { storedWeights } from './decoder_model.ts';
import { countParameters, describeDTypes, modelBytes } from './model_size.ts';
import { type KnownModel, openModel } from './open_model.ts';

const open = async (options: TinyLlamaOptions = {}) => openModel(await tinyLlama(options));

describe('openModel', () => {
  it.each<FloatType>(['F32', 'F16', 'BF16'])('reads the stored bytes of every weight in %s', async (dtype) => {
    const { model } = await open({ dtype });
    const expected = new Map(tinyLlamaTensors({ dtype }).map(({ name, values }) => [name, values]));
    const weights = storedWeights(model);
    expect(weights.map(({ name }) => name).sort()).toEqual([...expected.keys()].sort());
    for (const weight of weights) {
      const values = expected.get(weight.name)!;
      expect(decodeToFloat32(await weight.read(), dtype), weight.name).toEqual(
        decodeToFloat32(encodeFromFloat(values, dtype), dtype),
      );
    }
    expect(describeDTypes(model)).toBe(dtype);
    expect(modelBytes(model)).toBe(countParameters(model) * (dtype === 'F32' ? 4 : 2));
  });

  it('reads a range of rows, across shards too', async () => {
    const { model } = await open({ shards: 3, dtype: 'F16' });
    for (const { weight } of [model.embed_tokens, model.layers[0].mlp.up_proj, model.layers[1].mlp.down_proj]) {
      const whole = await weight.read();
      const rowBytes = whole.length / weight.shape[0];
      expect(await weight.read({ start: 3, end: 8 })).toEqual(whole.slice(3 * rowBytes, 8 * rowBytes));
      expect(await weight.read({ start: 5, end: 5 })).toHaveLength(0);
    }
    await expect(model.embed_tokens.weight.read({ start: 0, end: 10_000 })).rejects.toThrow(RangeError);
  });

  it('gives the same model flat, in a folder, in a nested folder and in shards', async () => {
    const variants = await Promise.all([
      open({ folder: '' }),
      open({ folder: 'mine' }),
      open({ folder: 'downloads/mine' }),
      open({ folder: 'mine', shards: 2 }),
    ]);
    expect(variants.map(({ name }) => name)).toEqual(['LlamaForCausalLM', 'mine', 'mine', 'mine']);
    for (const { model, warnings } of variants) {
      expect(countParameters(model)).toBe(countParameters(variants[0].model));
      expect(await model.norm.weight!.read()).toEqual(await variants[0].model.norm.weight!.read());
      expect(warnings).toEqual([]);
    }
    expect(variants[3].files.map(({ name }) => name)).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
    ]);
  });

  it('shares one weight object between embedding and head where the model ties them', async () => {
    const tied = await open({ tied: true });
    const untied = await open({ tied: false });
    expect(tied.model.lm_head.weight).toBe(tied.model.embed_tokens.weight);
    expect(untied.model.lm_head.weight).not.toBe(untied.model.embed_tokens.weight);
    expect(countParameters(untied.model) - countParameters(tied.model)).toBe(264 * 16);
  });

  it('reads biases, an explicit head_dim and either place of rope_theta', async () => {
    const { model } = await open({ attention_bias: true, mlp_bias: true, head_dim: 6 });
    const { attention, mlp } = model.layers[1];
    expect(attention.head_dim).toBe(6);
    expect(attention.scale).toBeCloseTo(1 / Math.sqrt(6), 15);
    expect(attention.q_proj.weight.shape).toEqual([24, 16]);
    expect(attention.k_proj.bias?.shape).toEqual([12]);
    expect(mlp.down_proj.bias?.shape).toEqual([16]);
    const moved = await open({
      config: { rope_theta: undefined, rope_parameters: { rope_type: 'default', rope_theta: 5e5 } },
    });
    expect(moved.model.layers[0].attention.rotary).toEqual({
      dim: 4,
      inv_freq: [1, 1 / Math.sqrt(5e5)],
      attention_factor: 1,
      interleaved: false,
    });
    const scaling = await open({ config: { rope_scaling: null, rope_theta: 1234 } });
    expect(scaling.model.layers[0].attention.rotary?.inv_freq).toEqual([1, 1234 ** -0.5]);
  });

  it('ignores rotary buffers and lists tensors that it does not use', async () => {
    const extra = (name: string) => ({ name, dtype: 'F32' as const, shape: [2], values: new Float32Array(2) });
    const { warnings } = await open({
      edit: (tensors) => [...tensors, extra('model.layers.0.self_attn.rotary_emb.inv_freq'), extra('vision.weight')],
    });
    expect(warnings).toEqual(['Tensors that the config does not call for, left out: vision.weight.']);
  });

  it('lists tensors without elements, which change nothing, whatever their names say', async () => {
    const name = 'model.layers.0.mlp.alpha';
    const extra = (size: number) => ({ name, dtype: 'F32' as const, shape: [size], values: new Float32Array(size) });
    const { warnings } = await open({ edit: (tensors) => [...tensors, extra(0)] });
    expect(warnings).toEqual([`Tensors that the config does not call for, left out: ${name}.`]);
    await expectBadInput(open({ edit: (tensors) => [...tensors, extra(2)] }), 'unknown_architecture', name);
  });

  it('never runs code that the config points to, and says so', async () => {
    const { warnings } = await open({ config: { auto_map: { AutoModel: 'evil.Model' } } });
    expect(warnings.join()).toContain('never run');
  });

  it('tells what is known before the tokenizer is read, also where that is refused', async () => {
    const [folder, vocabulary] = [await tinyLlama(), await ggufBlob(ggufFamily(await family('llama')))];
    const spoilt = folder.map((file) =>
      file.path.endsWith('tokenizer.json') ? { ...file, blob: new Blob(['{"version": "2.0"}']) } : file,
    );
    const told: KnownModel[] = [];
    const tell = (known: KnownModel) => void told.push(known);
    await expectBadInput(openModel(spoilt, tell), 'bad_tokenizer', 'version');
    expect(countParameters(told[0].model)).toBe(countParameters((await openModel(folder, tell)).model));
    expect(told[1]).not.toHaveProperty('tokenizer');
    const opened = await openModel([{ path: 'a.gguf', blob: vocabulary }], tell);
    expect(told[2]).toMatchObject({ name: 'a', files: opened.files });
    expect(told[2].model).toBe(opened.model);
  });

  it('keeps config and tokenizer byte for byte', async () => {
    const files = await tinyLlama();
    const { tokenizer_files } = await openModel(files);
    expect(tokenizer_files.map(({ name }) => name)).toEqual([
      'config.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'generation_config.json',
    ]);
    for (const { name, bytes } of tokenizer_files) {
      const { blob } = files.find(({ path }) => path === `tiny/${name}`)!;
      expect(bytes).toEqual(new Uint8Array(await blob.arrayBuffer()));
    }
  });
});

describeWithShared('openModel on real models', () => {
  it.each([
    ['stories260k', 260_032, 1_040_128],
    ['demo', 4_000_000, 8_000_000],
  ])('opens %s', async (name, parameters, bytes) => {
    const opened = await openModel(await sharedModelFiles(name));
    expect(opened.name).toBe(name);
    expect(opened.warnings).toEqual([]);
    expect(countParameters(opened.model)).toBe(parameters);
    expect(modelBytes(opened.model)).toBe(bytes);
    expect(opened.checkpoint.bytes).toBe(bytes);
    expect(opened.model.lm_head.weight).toBe(opened.model.embed_tokens.weight);
  });
});
