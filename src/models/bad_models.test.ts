import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../test/bad_input.ts';
import { type TinyLlamaOptions, type TinyTensor, tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import type { ErrorCode } from '../errors/errors.ts';
import { openModel } from './open_model.ts';

type Config = Record<string, unknown>;
type Case = [what: string, config: Config, ErrorCode, ...string[]];

const badKey = (key: string, value: unknown, ...fragments: string[]): Case => [
  `${key} = ${JSON.stringify(value) ?? 'nothing'}`,
  { [key]: value },
  'bad_config',
  value === undefined ? `${key} is missing` : `${key} is ${JSON.stringify(value)}`,
  `field ${key}`,
  'config.json',
  ...fragments,
];

const CONFIGS: Case[] = [
  badKey('hidden_size', undefined),
  badKey('hidden_size', -16, 'at least 1'),
  badKey('hidden_size', 0),
  badKey('hidden_size', '16', 'a whole number'),
  badKey('hidden_size', 16.5, 'a whole number'),
  badKey('hidden_size', null),
  badKey('intermediate_size', undefined),
  badKey('vocab_size', undefined),
  badKey('num_hidden_layers', 4294967295, 'at most 10000'),
  badKey('num_attention_heads', 0),
  badKey('head_dim', 2 ** 30, 'at most 65536'),
  badKey('num_key_value_heads', 'two'),
  badKey('rms_norm_eps', 0, 'positive'),
  badKey('rms_norm_eps', '1e-5', 'positive'),
  badKey('rope_theta', -1, 'positive'),
  badKey('tie_word_embeddings', 'yes', 'true or false'),
  badKey('attention_bias', 1, 'true or false'),
  badKey('rope_scaling', 'linear', 'an object or null'),
  [
    'hidden_size not a multiple of heads [76]',
    { num_attention_heads: 3, num_key_value_heads: 3 },
    'bad_config',
    'hidden_size (16)',
    'num_attention_heads (3)',
  ],
  [
    'heads not a multiple of kv heads [76]',
    { num_key_value_heads: 3 },
    'bad_config',
    'num_attention_heads (4)',
    'num_key_value_heads (3)',
  ],
  [
    'a billion heads',
    { num_attention_heads: 2 ** 30, head_dim: 2 },
    'bad_config',
    'num_attention_heads is 1073741824',
    'at most 65536',
  ],
  [
    'a head_dim that follows from a huge hidden_size',
    { hidden_size: 2 ** 30 },
    'bad_config',
    'head_dim is 268435456',
    'at most 65536',
  ],
  ['an odd head_dim', { num_attention_heads: 16, num_key_value_heads: 16 }, 'bad_config', 'head_dim is 1', 'even'],
  [
    'another vocab_size [76]',
    { vocab_size: 300 },
    'shape_mismatch',
    'model.embed_tokens.weight',
    '[264, 16]',
    '[300, 16]',
  ],
  ['another hidden_size [76]', { hidden_size: 32 }, 'shape_mismatch', '[264, 16]', '[264, 32]'],
  [
    'another intermediate_size',
    { intermediate_size: 48 },
    'shape_mismatch',
    'mlp.gate_proj.weight',
    '[24, 16]',
    '[48, 16]',
  ],
  [
    'fewer kv heads',
    { num_key_value_heads: 1 },
    'shape_mismatch',
    'self_attn.k_proj.weight',
    '[8, 16]',
    '[4, 16]',
    'model.safetensors',
  ],
  ['more layers', { num_hidden_layers: 3 }, 'missing_tensor', 'model.layers.2.input_layernorm.weight'],
  ['biases that are not there', { attention_bias: true }, 'missing_tensor', 'self_attn.q_proj.bias', '[16]'],
  [
    'an untied head that is not there [77]',
    { tie_word_embeddings: false },
    'missing_tensor',
    'lm_head.weight',
    'tie_word_embeddings',
  ],
  ['an unknown model type [77]', { model_type: 'mamba' }, 'unknown_architecture', '"mamba"', 'Allowed: llama'],
  ['no model type', { model_type: undefined }, 'unknown_architecture', 'no model_type', 'llama'],
  [
    'a classifier',
    { architectures: ['LlamaForSequenceClassification'] },
    'unknown_architecture',
    'LlamaForSequenceClassification',
    'causal',
  ],
  ['a quantised model', { quantization_config: { bits: 4 } }, 'unsupported_dtype', 'name its method', 'remove'],
  ['another activation', { hidden_act: 'mish' }, 'unknown_architecture', '"mish"', 'silu'],
  [
    'rotary scaled in an unknown way',
    { rope_scaling: { rope_type: 'mrope', factor: 8 } },
    'unknown_architecture',
    '"mrope"',
    'rope_scaling',
    'yarn',
  ],
  [
    'rotary that differs by kind of layer',
    { rope_parameters: { full_attention: { rope_theta: 1e4 } } },
    'unknown_architecture',
    'full_attention',
  ],
  [
    'scaled rotary without a factor',
    { rope_scaling: { type: 'linear' } },
    'bad_config',
    'rope_scaling.factor is missing',
  ],
  [
    'a factor that is no number',
    { rope_parameters: { rope_type: 'llama3', factor: '8' } },
    'bad_config',
    'rope_parameters.factor is "8"',
  ],
  [
    'another number of long factors',
    { rope_scaling: { type: 'su', short_factor: [1], long_factor: [1, 2] } },
    'bad_config',
    'short_factor has 1 entries',
    '2 numbers',
  ],
  ['experts', { num_local_experts: 8 }, 'unknown_architecture', '8 experts', 'num_local_experts'],
  ['another family with experts', { model_type: 'mixtral' }, 'unknown_architecture', 'mixture of experts'],
  ['partial rotary', { rope_parameters: { partial_rotary_factor: 0.5 } }, 'unknown_architecture', '0.5'],
];

describe('openModel refuses a config with', () => {
  it.each(CONFIGS)('%s', async (_, config, code, ...fragments) => {
    await expectBadInput(tinyLlama({ config }).then(openModel), code, ...fragments);
  });

  it.each<[string, string, ErrorCode, ...string[]]>([
    ['text that is not JSON', '{"hidden_size":', 'bad_config', 'not JSON'],
    ['a list', '[]', 'bad_config', 'holds []'],
    ['a web page', '<!doctype html>', 'not_a_model', 'web page'],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1', 'not_a_model', 'Git LFS'],
    ['10 MB and more', ' '.repeat(10_000_001), 'bad_config', '10000001 bytes'],
  ])('%s', async (_, text, code, ...fragments) => {
    const files = await tinyLlama();
    const spoilt = files.map((file) =>
      file.path.endsWith('/config.json') ? { ...file, blob: new Blob([text]) } : file,
    );
    await expectBadInput(openModel(spoilt), code, 'config.json', ...fragments);
  });
});

const renamed = (from: string, to: string) => (tensors: TinyTensor[]) =>
  tensors.map((tensor) => (tensor.name === from ? { ...tensor, name: to } : tensor));

describe('openModel refuses weights', () => {
  it.each<[string, TinyLlamaOptions, ErrorCode, ...string[]]>([
    [
      'without a tensor',
      { edit: renamed('model.norm.weight', 'model.norm.wait') },
      'missing_tensor',
      'model.norm.weight',
      'shape [16]',
    ],
    [
      'of which one shard is another model’s [33]',
      {
        shards: 2,
        edit: (tensors) =>
          tensors.map((tensor) =>
            tensor.name === 'model.norm.weight' ? { ...tensor, shape: [8], values: new Float32Array(8) } : tensor,
          ),
      },
      'shape_mismatch',
      'model-00002-of-00002.safetensors',
      '[8]',
      '[16]',
      'belongs to this model',
    ],
  ])('%s', async (_, options, code, ...fragments) => {
    await expectBadInput(tinyLlama(options).then(openModel), code, ...fragments);
  });

  it('in a type that cannot be decoded', async () => {
    const files = await tinyLlama();
    const spoilt = await Promise.all(
      files.map(async ({ path, blob }) => {
        if (!path.endsWith('.safetensors')) return { path, blob };
        // the same bytes under another type of the same size
        const bytes = new Uint8Array(await blob.arrayBuffer());
        const text = new TextDecoder('latin1').decode(bytes).replace('"dtype":"F32"', '"dtype":"I32"');
        return { path, blob: new Blob([Uint8Array.from(text, (character) => character.charCodeAt(0))]) };
      }),
    );
    await expectBadInput(openModel(spoilt), 'unsupported_dtype', 'embed_tokens.weight is stored as I32', 'F16');
  });

  it('that change after they were opened', async () => {
    const { blob } = (await tinyLlama()).find(({ path }) => path.endsWith('.safetensors'))!;
    let gone = false;
    const vanishing = new Proxy(blob, {
      get(target, key) {
        if (key === 'slice' && gone) return () => new Blob([]);
        const value = Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const files = (await tinyLlama()).map((file) =>
      file.path.endsWith('.safetensors') ? { ...file, blob: vanishing } : file,
    );
    const { model } = await openModel(files);
    gone = true;
    await expectBadInput(model.embed_tokens.weight.read(), 'file_changed', 'model.safetensors');
  });

  it('but opens NaN weights: they are found when they are read [26]', async () => {
    const files = await tinyLlama({
      edit: (tensors) => tensors.map((tensor) => ({ ...tensor, values: tensor.values.fill(Number.NaN) })),
    });
    expect((await openModel(files)).checkpoint.tensors.size).toBe(20);
  });
});
