/** @file Malformed config.json and index: sizes that are none, contradictions, keys that nobody runs, broken JSON. */
import { tinyLlama, tinyLlamaConfig } from '../fixtures/tiny_llama.ts';
import { FOREIGN, type Malformed, seeded, withFile, withJson } from './malformed.ts';

const FILE = 'config.json';

const SIZES = [
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'vocab_size',
  'num_key_value_heads',
  'head_dim',
  'max_position_embeddings',
];
const NO_SIZES = [-1, 0, 1.5, '16', true, [], {}, 2 ** 40];
const OTHERS: readonly (readonly [key: string, values: readonly unknown[]])[] = [
  ['rms_norm_eps', [-1, '1e-5', true, []]],
  ['rope_theta', [0, -1, '10000', {}]],
  ['hidden_act', [1, 'snake', []]],
  ['tie_word_embeddings', ['yes', 1]],
  ['attention_bias', ['no', 0.5]],
  [
    'rope_scaling',
    ['linear', 2, [], { rope_type: 'linear' }, { rope_type: 'spiral', factor: 2 }, { rope_type: 'llama3', factor: 8 }],
  ],
  [
    'rope_parameters',
    [{ rope_type: 'yarn', factor: 'four' }, { rope_type: 'longrope', short_factor: [1], long_factor: 'x' }, 7],
  ],
  ['architectures', ['LlamaForCausalLM', [1], ['LlamaForSequenceClassification']]],
  ['model_type', [undefined, 7, null, 'mixtral', 'lama']],
  ['num_local_experts', [8]],
  ['quantization_config', ['gptq', [], { bits: 4 }, { quant_method: 'bitnet' }]],
];

function spoilt(key: string, value: unknown): Malformed {
  return {
    what: `${FILE}: ${key} is ${value === undefined ? 'missing' : JSON.stringify(value)}`,
    files: () => withJson(FILE, tinyLlamaConfig({ config: { [key]: value } })),
    code: ['bad_config', 'unknown_architecture', 'unsupported_dtype'],
    file: FILE,
    where: key,
  };
}

/** Sizes that are possible and not those of the weights. */
function contradictions(random: (below: number) => number): Malformed[] {
  const keys = ['hidden_size', 'intermediate_size', 'vocab_size', 'num_key_value_heads', 'num_hidden_layers'];
  return keys.map((key) => ({
    what: `${FILE}: another ${key} than the weights have`,
    files: () =>
      withJson(
        FILE,
        tinyLlamaConfig({
          config: { [key]: 4 * (9 + random(50)), ...(key === 'num_key_value_heads' && { [key]: 1 }) },
        }),
      ),
    code: ['shape_mismatch', 'missing_tensor'],
    file: 'model.safetensors',
    where: 'model.',
  }));
}

function texts(): Malformed[] {
  const text = JSON.stringify(tinyLlamaConfig());
  const damaged: [string, BlobPart][] = [
    ['nothing', ''],
    ['a list', '[]'],
    ['a number', '42'],
    ['null', 'null'],
    ['half of it', text.slice(0, text.length / 2)],
    ['two objects', `${text}${text}`],
    ['a comma too many', text.replace(/}$/, ',}')],
    ['a comment', text.replace('{', '{ // sizes\n')],
    ['bytes that are not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['eleven megabytes', new Uint8Array(11_000_000).fill(0x20)],
  ];
  return [
    ...damaged.map(
      ([what, content]): Malformed => ({
        what: `${FILE}: ${what}`,
        files: () => withFile(FILE, new Blob([content])),
        code: 'bad_config',
        file: FILE,
        ...(content === '' && { found: 'empty' }),
      }),
    ),
    ...FOREIGN.slice(0, 2).map(
      ([what, content, found]): Malformed => ({
        what: `${FILE}: ${what}`,
        files: () => withFile(FILE, new Blob([content])),
        code: 'not_a_model',
        file: FILE,
        found,
      }),
    ),
  ];
}

const INDEX = 'model.safetensors.index.json';

function indexes(): Malformed[] {
  const shards = () => tinyLlama({ folder: '', shards: 2 });
  const withIndex = (what: string, value: unknown, where?: string): Malformed => ({
    what: `${INDEX}: ${what}`,
    files: async () => {
      const files = (await shards()).filter(({ path }) => path !== INDEX);
      const blob = new Blob([typeof value === 'string' ? value : JSON.stringify(value)]);
      return [...files, { path: INDEX, blob }];
    },
    code: ['bad_shard_index', 'not_a_model'],
    file: INDEX,
    where,
  });
  return [
    withIndex('nothing', ''),
    withIndex('a list', []),
    withIndex('no weight_map', { metadata: {} }, 'weight_map'),
    withIndex('a weight_map that is a list', { weight_map: [] }, 'weight_map'),
    withIndex('a shard that is a number', { weight_map: { a: 1 } }, 'weight_map'),
    ...['../a.safetensors', '/a.safetensors', 'a\\b', 'https://a', '', '..'].map((name) =>
      withIndex(`the shard ${JSON.stringify(name)}`, { weight_map: { a: name } }, 'weight_map'),
    ),
    withIndex('half of it', '{"weight_map":{"a":'),
    withIndex('a tensor given twice', '{"weight_map":{"a":"b","a":"b"}}', 'weight_map'),
    withIndex('a web page', '<!doctype html>'),
    {
      what: `${INDEX}: a shard that was not given`,
      files: async () => (await shards()).filter(({ path }) => !path.startsWith('model-00002')),
      code: 'missing_shard',
      file: 'model-00002-of-00002.safetensors',
    },
  ];
}

export function configFiles(seed: number): Malformed[] {
  const random = seeded(seed);
  return [
    ...SIZES.flatMap((key) => {
      const first = random(NO_SIZES.length);
      return [0, 3, 6].map((step) => spoilt(key, NO_SIZES[(first + step) % NO_SIZES.length]));
    }),
    ...OTHERS.flatMap(([key, values]) => values.map((value) => spoilt(key, value))),
    ...contradictions(random),
    ...texts(),
    ...indexes(),
  ];
}
