import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { family } from '../../../test/fixtures/families/family_model.ts';
import {
  bool,
  float32,
  floatTensor,
  type GgufModel,
  ggufBlob,
  ggufFamily,
  string,
  uint32,
} from '../../../test/fixtures/gguf_model.ts';
import { openModel } from '../../models/open_model.ts';
import type { ModelFile } from '../hf/files.ts';
import type { ValueToWrite } from './write.ts';

const llama = async () => ggufFamily(await family('llama'));
const file = async (model: GgufModel, path = 'tiny.gguf'): Promise<ModelFile> => ({
  path,
  blob: await ggufBlob(model),
});

/** A model in several files, as llama.cpp's gguf-split writes them. */
async function parts(model: GgufModel, count: number): Promise<ModelFile[]> {
  const each = Math.ceil(model.tensors.length / count);
  return Promise.all(
    Array.from({ length: count }, (_, i) => {
      const metadata = new Map<string, ValueToWrite>(i === 0 ? model.metadata : []);
      metadata.set('split.no', { type: 'uint16', value: i });
      metadata.set('split.count', { type: 'uint16', value: count });
      metadata.set('split.tensors.count', { type: 'int32', value: model.tensors.length });
      const tensors = model.tensors.slice(i * each, (i + 1) * each);
      return file({ metadata, tensors }, `dir/m-0000${i + 1}-of-0000${count}.gguf`);
    }),
  );
}

describe('a model in GGUF', () => {
  it('opens alone, with everything an export needs', async () => {
    const opened = await openModel([await file(await llama(), 'folder/My.Model-Q4.GGUF')]);
    expect(opened.name).toBe('My.Model-Q4');
    expect(opened.files.map(({ name }) => name)).toEqual(['My.Model-Q4.GGUF']);
    expect(opened.warnings).toEqual([]);
    const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'generation_config.json'];
    expect(opened.tokenizer_files.map(({ name }) => name)).toEqual(names);
    const read = (name: string) => {
      const { bytes } = opened.tokenizer_files.find((each) => each.name === name)!;
      return JSON.parse(new TextDecoder().decode(bytes));
    };
    expect(read('config.json')).toMatchObject({ model_type: 'llama', bos_token_id: 0, eos_token_id: 0 });
    expect(read('generation_config.json')).toEqual({ bos_token_id: 0, eos_token_id: 0 });
    expect(read('tokenizer_config.json')).toMatchObject({ eos_token: '<|endoftext|>', add_bos_token: false });
  });

  it('is the same model in parts, in any order', async () => {
    const model = await llama();
    const whole = await openModel([await file(model)]);
    const opened = await openModel((await parts(model, 3)).reverse());
    expect(opened.name).toBe('m');
    expect(opened.files).toHaveLength(3);
    expect(opened.config).toEqual(whole.config);
    const { weight } = opened.model.layers[1].mlp.down_proj;
    expect(await weight.read()).toEqual(await whole.model.layers[1].mlp.down_proj.weight.read());
  });

  it('is preferred by itself, but not to a complete folder beside it', async () => {
    const gguf = await file(await llama(), 'dir/m.gguf');
    const readme = { path: 'dir/README.md', blob: new Blob(['x']) };
    const projector = { path: 'dir/mmproj-m.gguf', blob: new Blob(['x']) };
    const opened = await openModel([readme, gguf, projector, { path: 'dir/.hidden.gguf', blob: new Blob() }]);
    expect(opened.warnings).toEqual(['Not used: mmproj-m.gguf.']);
    // An adapter without its config changes nothing, and not in silence.
    const adapter = { path: 'dir/adapter_model.safetensors', blob: new Blob(['x']) };
    expect((await openModel([gguf, adapter])).warnings).toEqual(['Not used: adapter_model.safetensors.']);
  });

  it('may have other tokens than its embedding has rows, and says so', async () => {
    const model = await llama();
    const append = (name: string, entry: string | number) => {
      const list = model.metadata.get(name)!;
      if (list.type === 'array') model.metadata.set(name, { ...list, values: [...list.values, entry] });
    };
    append('tokenizer.ggml.tokens', '<extra>');
    append('tokenizer.ggml.token_type', 1);
    const { warnings } = await openModel([await file(model)]);
    expect(warnings.join()).toContain('ids up to 264, the model embeds only 264');
  });
});

describe('bad sets of files', () => {
  it('lists parts that are missing', async () => {
    const [, second] = await parts(await llama(), 3);
    const missing = ['2 of 3 parts are missing', 'm-00001-of-00003.gguf', 'm-00003-of-00003.gguf'];
    await expectBadInput(openModel([second]), 'missing_shard', ...missing);
    await expectBadInput(openModel([{ ...second, path: 'renamed.gguf' }]), 'missing_shard', 'part 2 of 3');
  });

  it('refuses parts of two models, swapped parts and several models', async () => {
    const model = await llama();
    const [first, second] = await parts(model, 2);
    const swapped = [
      { ...first, path: second.path },
      { ...second, path: first.path },
    ];
    await expectBadInput(openModel(swapped), 'bad_gguf', 'says that it is part 2', 'split.no');
    const twice = [
      first,
      { ...second, blob: await ggufBlob({ metadata: new Map([['split.no', uint32(1)]]), tensors: model.tensors }) },
    ];
    await expectBadInput(openModel(twice), 'bad_gguf', 'is in both');
    const shorter = await ggufBlob({ metadata: new Map([['split.no', uint32(1)]]), tensors: model.tensors.slice(-1) });
    await expectBadInput(
      openModel([first, { ...second, blob: shorter }]),
      'bad_gguf',
      'but the first says',
      'split.tensors.count',
    );
    const two = [await file(model, 'a.gguf'), await file(model, 'b.gguf')];
    await expectBadInput(openModel(two), 'not_a_model', 'Several GGUF models', 'a.gguf, b.gguf');
  });

  it('says what a file under a wrong name is', async () => {
    const blob = await ggufBlob(await llama());
    const config = { path: 'config.json', blob: new Blob(['{}']) };
    await expectBadInput(
      openModel([config, { path: 'model.safetensors', blob }]),
      'not_a_model',
      'GGUF file under another',
    );
    const page = { path: 'm.gguf', blob: new Blob(['<!doctype html><title>Login</title>']) };
    await expectBadInput(openModel([page]), 'not_a_model', 'web page');
    await expectBadInput(openModel([{ path: 'm.gguf', blob: new Blob() }]), 'not_a_model');
  });
});

describe('bad metadata', () => {
  const spoilt = async (change: (model: GgufModel) => void) => {
    const model = await llama();
    change(model);
    return openModel([await file(model)]);
  };
  const key = (name: string, value: ValueToWrite) => (model: GgufModel) => {
    model.metadata.set(name, value);
  };
  const without = (name: string) => (model: GgufModel) => {
    model.metadata.delete(name);
  };
  const tensor =
    (name: string, size = 24) =>
    (model: GgufModel) => {
      model.tensors.push(floatTensor(name, [size], new Float32Array(size).fill(1)));
    };

  it.each<[string, (model: GgufModel) => void, ...string[]]>([
    ['no architecture', without('general.architecture'), 'general.architecture'],
    ['no layers', without('llama.block_count'), 'no llama.block_count'],
    [
      '2^32 − 1 layers',
      key('llama.block_count', uint32(2 ** 32 - 1)),
      'block_count is 4294967295 (uint32)',
      '1 to 10000',
    ],
    ['no heads', key('llama.attention.head_count', uint32(0)), 'head_count is 0 (uint32)'],
    [
      'heads that do not divide',
      key('llama.attention.head_count_kv', uint32(3)),
      'head_count_kv',
      'divisor of the 4 heads',
    ],
    ['a width of text', key('llama.embedding_length', string('24')), '"24" (string)', 'a whole number'],
    ['no epsilon', without('llama.attention.layer_norm_rms_epsilon'), 'no llama.attention.layer_norm_rms_epsilon'],
    [
      'an epsilon that is no number',
      key('llama.attention.layer_norm_rms_epsilon', float32(Number.NaN)),
      'NaN (float32)',
    ],
    ['an infinite base', key('llama.rope.freq_base', float32(Number.POSITIVE_INFINITY)), 'freq_base', 'finite'],
    ['rotary beyond the head', key('llama.rope.dimension_count', uint32(64)), 'dimension_count', '2 to 6'],
    [
      'heads that differ by layer',
      key('llama.attention.head_count_kv', { type: 'array', of: 'uint32', values: [2, 4] }),
      'differs from layer to layer',
    ],
    ['a table of another length', tensor('rope_freqs.weight'), 'rope_freqs.weight has 24 entries', '3 positive'],
    ['no weights', (model) => model.tensors.splice(0), 'no weights'],
    [
      'no embedding',
      (model) =>
        model.tensors.splice(
          model.tensors.findIndex(({ name }) => name === 'token_embd.weight'),
          1,
        ),
      'token_embd',
    ],
  ])('refuses %s', async (_, change, ...fragments) => {
    await expectBadInput(spoilt(change), 'bad_gguf', 'tiny.gguf', ...fragments);
  });

  it.each<[string, (model: GgufModel) => void, ...string[]]>([
    ['an unknown architecture', key('general.architecture', string('mamba')), '"mamba"', 'llama', 'qwen3', 'gemma2'],
    ['a mixture of experts', key('llama.expert_count', uint32(8)), '8 experts', 'expert_count'],
    [
      'scores scaled in another way',
      key('llama.attention.scale', float32(0.5)),
      'llama.attention.scale is 0.5 (float32)',
    ],
    ['a window in a pattern', key('llama.attention.sliding_window_pattern', uint32(6)), 'sliding_window_pattern'],
    ['a key of attention that is new', key('llama.attention.spiral', float32(0.5)), 'llama.attention.spiral'],
    ['logits that are scaled', key('llama.logit_scale', float32(0.0625)), 'llama.logit_scale'],
    ['a model of embeddings', key('llama.pooling_type', uint32(3)), 'llama.pooling_type', 'one vector of a text'],
    ['layers that see the future', key('llama.attention.causal', bool(false)), 'llama.attention.causal'],
    ['layers that predict further', key('llama.nextn_predict_layers', uint32(1)), 'llama.nextn_predict_layers'],
    ['an unknown scaling', key('llama.rope.scaling.type', string('spiral')), '"spiral"', 'llama.rope.scaling.type'],
    ['half of a scaling', tensor('rope_factors_long.weight', 3), 'one table of factors without the other'],
    ['a table in a layer', tensor('blk.0.rope_freqs.weight', 3), 'blk.0.rope_freqs.weight'],
    ['sinks', tensor('blk.0.attn_sinks.weight', 4), 'blk.0.attn_sinks.weight'],
    ['values of another width', key('llama.attention.value_length', uint32(12)), 'Values have 12', 'value_length'],
    ['rotary on a part', key('llama.rope.dimension_count', uint32(4)), 'Only 4 of the 6'],
    [
      'a tensor of another architecture',
      tensor('blk.0.attn_q_norm.weight'),
      'blk.0.attn_q_norm.weight',
      'another computation',
    ],
    ['a tensor named like a property', tensor('blk.0.constructor.weight'), 'blk.0.constructor.weight'],
  ])('refuses %s, with the reason', async (_, change, ...fragments) => {
    await expectBadInput(spoilt(change), 'unknown_architecture', 'tiny.gguf', ...fragments);
  });

  it('refuses rows that do not fit the heads', async () => {
    const heads = (model: GgufModel) => {
      key('llama.attention.head_count', uint32(2))(model);
      key('llama.attention.head_count_kv', uint32(2))(model);
      key('llama.rope.dimension_count', uint32(12))(model);
    };
    await expectBadInput(spoilt(heads), 'unknown_architecture', 'attn_k.weight', 'the heads do not fit', '24 rows');
  });

  it('names the types that are not decoded, and those that are', async () => {
    const change = (model: GgufModel) => {
      const bytes = new Uint8Array(66);
      model.tensors.push({ name: 'blk.0.ffn_x.weight', type: 'IQ2_XXS', shape: [1, 256], chunks: () => [bytes] });
    };
    const fragments = ['1 of 22 tensors are stored as IQ2_XXS', 'blk.0.ffn_x.weight', 'Q4_K', 'IQ4_NL', 'Q4_K_M'];
    await expectBadInput(spoilt(change), 'unsupported_dtype', ...fragments);
  });

  it('takes keys that change nothing', async () => {
    const opened = await spoilt((model) => {
      key('llama.expert_count', uint32(0))(model);
      key('llama.attention.causal', bool(true))(model);
      key('llama.attention.scale', float32(1 / Math.sqrt(6)))(model);
      key('llama.logit_scale', float32(1))(model);
      key('llama.pooling_type', uint32(0))(model);
      key('llama.rope.scaling.type', string('none'))(model);
      key('llama.rope.scaling.finetuned', bool(true))(model);
      key('llama.tensor_data_layout', string('Meta AI original pth'))(model);
      key('llama.attention.head_count', { type: 'array', of: 'uint32', values: [4, 4] })(model);
    });
    expect(opened.config.num_attention_heads).toBe(4);
    expect(opened.warnings).toEqual([]);
  });
});
