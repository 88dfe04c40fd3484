import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { jsonBlob, tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from '../../../test/fixtures/tiny_tokenizer.ts';
import type { ErrorCode } from '../../errors/errors.ts';
import { loadTokenizer } from '../tokenizer/tokenizer.ts';
import { type ModelFile, openModelFiles } from './files.ts';

const named = (...paths: string[]): ModelFile[] => paths.map((path) => ({ path, blob: new Blob(['x']) }));
const without = async (name: string) => (await tinyLlama()).filter(({ path }) => !path.endsWith(name));

const CASES: [what: string, files: () => ModelFile[] | Promise<ModelFile[]>, ErrorCode, ...string[]][] = [
  ['nothing', () => [], 'not_a_model', 'No files'],
  ['hidden files only', () => named('m/.DS_Store', '__MACOSX/m/config.json'), 'not_a_model', 'hidden'],
  ['a text file', () => named('notes.txt'), 'not_a_model', 'No weights', 'notes.txt', 'config.json'],
  [
    'a pickle',
    () => named('m/config.json', 'm/pytorch_model.bin'),
    'not_a_model',
    'can hold code',
    'pytorch_model.bin',
  ],
  ['a .pt file', () => named('model.pt'), 'not_a_model', 'never opened'],
  ['an ONNX file that is none', () => named('model.onnx'), 'bad_onnx', 'not valid protobuf at byte 1'],
  ['external data of ONNX alone', () => named('model.onnx_data'), 'not_a_model', 'without the model itself'],
  [
    'several ONNX files',
    () => named('m/config.json', 'm/a.onnx', 'm/onnx/b.onnx'),
    'not_a_model',
    'Several files could hold the weights: a.onnx, onnx/b.onnx',
  ],
  ['an archive', () => named('model.zip'), 'not_a_model', 'Unpack'],
  ['config without weights', () => named('m/config.json', 'm/tokenizer.json'), 'not_a_model', 'No weights'],
  ['weights without config', () => without('/config.json'), 'not_a_model', 'no config.json', 'whole model folder'],
  ['no tokenizer', () => without('/tokenizer.json'), 'bad_tokenizer', 'no tokenizer.json'],
  [
    'a SentencePiece tokenizer only',
    async () => [...(await without('/tokenizer.json')), ...named('tiny/tokenizer.model')],
    'bad_tokenizer',
    'tokenizer.model (SentencePiece)',
    'save_pretrained',
  ],
  [
    "Mistral's tokenizer only",
    async () => [...(await without('/tokenizer.json')), ...named('tiny/tekken.json')],
    'bad_tokenizer',
    'tekken.json (Mistral)',
    'save_pretrained',
  ],
  [
    'a tiktoken vocabulary only',
    async () => [...(await without('/tokenizer.json')), ...named('tiny/qwen.tiktoken')],
    'bad_tokenizer',
    'qwen.tiktoken (tiktoken)',
    'save_pretrained',
  ],
  [
    'two models',
    async () => [...(await tinyLlama({ folder: 'one' })), ...(await tinyLlama({ folder: 'two' }))],
    'not_a_model',
    'Several models',
    'one, two',
  ],
  [
    'several weight files',
    async () => [...(await without('/model.safetensors')), ...named('tiny/a.safetensors', 'tiny/b.safetensors')],
    'not_a_model',
    'Several files could hold the weights: a.safetensors, b.safetensors',
  ],
  [
    'an adapter',
    async () => [...(await without('/model.safetensors')), ...named('tiny/adapter_model.safetensors')],
    'not_a_model',
    'adapter (LoRA)',
    'base_model_name_or_path',
  ],
  [
    'two files of one name [35]',
    () => named('model.safetensors', 'model.safetensors'),
    'not_a_model',
    'Two files are named model.safetensors',
  ],
  [
    'names that differ only in case [35]',
    () => named('m/Config.json', 'm/config.json'),
    'not_a_model',
    'only in case',
    'm/Config.json',
  ],
];

describe('openModelFiles', () => {
  it.each(CASES)('refuses %s', async (_, files, code, ...fragments) => {
    await expectBadInput(openModelFiles(await files()), code, ...fragments);
  });

  it('finds the model among other folders, whatever way its paths are written', async () => {
    const extra = named('repo/README.md', 'repo/onnx/model.onnx', 'repo/.git/config');
    for (const prefix of ['repo/checkpoint', './repo/checkpoint', '/repo/checkpoint', 'repo\\checkpoint']) {
      const found = await openModelFiles([...(await tinyLlama({ folder: prefix })), ...extra]);
      expect(found.name).toBe('checkpoint');
      expect(found.companions.map(({ name }) => name)).toEqual(['generation_config.json']);
    }
  });

  it('takes the safetensors of a repository that also has an ONNX copy with a config of its own', async () => {
    // As the repository of gpt2 is laid out.
    const files = await tinyLlama({ folder: 'gpt2' });
    const copy = files
      .filter(({ path }) => path.endsWith('.json'))
      .map(({ path, blob }) => ({ path: path.replace('/', '/onnx/'), blob }));
    const found = await openModelFiles([...files, ...copy, ...named('gpt2/onnx/decoder_model.onnx')]);
    expect(found.name).toBe('gpt2');
    expect(found.weights.map(({ name }) => name)).toEqual(['model.safetensors']);
    expect(found.companions.map(({ name }) => name)).toEqual(['generation_config.json']);
  });

  it('takes the only safetensors file, whatever its name', async () => {
    const files = (await tinyLlama()).map(({ path, blob }) => ({ path: path.replace('/model.', '/weights.'), blob }));
    expect((await openModelFiles(files)).weights[0].name).toBe('weights.safetensors');
  });

  it('takes the weights beside an adapter of which the config is missing, and says that it is not applied', async () => {
    const files = (await tinyLlama()).map(({ path, blob }) => ({ path: path.replace('/model.', '/weights.'), blob }));
    const folder = files[0]!.path.slice(0, files[0]!.path.lastIndexOf('/') + 1);
    const found = await openModelFiles([...files, ...named(`${folder}adapter_model.safetensors`)]);
    expect(found.weights.map(({ name }) => name)).toEqual(['weights.safetensors']);
    expect(found.warnings.join()).toContain('not applied: adapter_model.safetensors');
  });

  it('builds tokenizer.json where a repository has vocab.json and merges.txt only, as OPT’s own', async () => {
    const { vocab, merges } = tinyTokenizerJson().model;
    const files = (await tinyLlama()).filter(({ path }) => !path.includes('tokenizer'));
    const folder = files[0]!.path.slice(0, files[0]!.path.lastIndexOf('/') + 1);
    const settings = { tokenizer_class: 'GPT2Tokenizer', bos_token: '<|endoftext|>', add_bos_token: true };
    const found = await openModelFiles([
      ...files,
      { path: `${folder}vocab.json`, blob: jsonBlob(vocab) },
      { path: `${folder}merges.txt`, blob: new Blob([merges.join('\n')]) },
      { path: `${folder}tokenizer_config.json`, blob: jsonBlob(settings) },
    ]);
    const { tokenizer: json, tokenizer_config, warnings } = await found.readTokenizer();
    expect([...found.warnings, ...warnings]).toEqual([]);
    expect(json.name).toBe('tokenizer.json');
    const tokenizer = await loadTokenizer(json, tokenizer_config);
    expect([...tokenizer.encode(' the')]).toEqual([0, 259]);
    expect(tokenizer.bos).toEqual([0]);
  });
});
