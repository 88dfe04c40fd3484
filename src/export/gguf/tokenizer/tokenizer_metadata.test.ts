/** Tokenizers through GGUF and back: the same ids, or the reason why not. */
import { describe, expect, it } from 'vitest';
import { ggufBlob, type Metadata } from '../../../../test/fixtures/gguf_model.ts';
import { type TinyTokenizerJson, tinyTokenizerJson } from '../../../../test/fixtures/tiny_tokenizer.ts';
import { describeWithShared, readSharedJson, readSharedText } from '../../../../test/shared.ts';
import { readGgufHeader } from '../../../formats/gguf/header.ts';
import { PRE_TOKENIZERS } from '../../../formats/gguf/tokenizer/pre_tokenizers.ts';
import { tokenizerFiles } from '../../../formats/gguf/tokenizer/tokenizer_files.ts';
import { blobSource } from '../../../formats/source.ts';
import { loadTokenizer, type Tokenizer } from '../../../formats/tokenizer/tokenizer.ts';
import { preType } from './pre_type.ts';
import { NotCarried } from './token_table.ts';
import { tokenizerMetadata } from './tokenizer_metadata.ts';

type Json = Record<string, unknown>;

const load = (json: object) => loadTokenizer(blobSource('tokenizer.json', new Blob([JSON.stringify(json)])));

/** Written, read and rebuilt by the reader. */
async function throughGguf(metadata: Metadata): Promise<{ tokenizer: Tokenizer; config: Json }> {
  const { metadata: read } = await readGgufHeader(blobSource('t.gguf', await ggufBlob({ metadata, tensors: [] })));
  const { tokenizer, tokenizer_config } = tokenizerFiles(read, 512);
  return { tokenizer: await load(tokenizer), config: tokenizer_config as Json };
}

const write = (json: object, config: Json = {}, raw: Json = {}, vocab_size = vocabSize(json)) =>
  tokenizerMetadata({ tokenizer_json: json as Json, tokenizer_config: config }, raw, vocab_size);

function vocabSize(json: object): number {
  const { model, added_tokens } = json as TinyTokenizerJson;
  return Math.max(...Object.values(model.vocab), ...added_tokens.map(({ id }) => id)) + 1;
}

const values = (metadata: Metadata, key: string) =>
  (metadata.get(`tokenizer.ggml.${key}`) as unknown as { values: never[] }).values;

const SAMPLES = [
  'Hello, world!',
  "  Two  spaces\n\n\tthey've 12345. ",
  'café — naïve 🙂 中文',
  '<|endoftext|>after',
  'a',
  ' ',
];

async function expectSameIds(json: object, texts: readonly string[] = SAMPLES): Promise<Metadata> {
  const metadata = write(json);
  const [found, expected] = [(await throughGguf(metadata)).tokenizer, await load(json)];
  for (const text of texts)
    expect(found.encode(text), JSON.stringify(text.slice(0, 50))).toEqual(expected.encode(text));
  return metadata;
}

/** The tiny tokenizer with a change. */
function changed(change: (json: TinyTokenizerJson & Json) => void): TinyTokenizerJson {
  const json = tinyTokenizerJson();
  change(json as TinyTokenizerJson & Json);
  return json;
}

/** @param names By id, where they matter. */
function template(before: readonly number[], behind: readonly number[], names: readonly string[] = []): object {
  const name = (id: number) => names[id] ?? `t${id}`;
  const item = (id: number) => ({ SpecialToken: { id: name(id), type_id: 0 } });
  return {
    type: 'TemplateProcessing',
    single: [...before.map(item), { Sequence: { id: 'A', type_id: 0 } }, ...behind.map(item)],
    pair: [],
    special_tokens: Object.fromEntries(
      [...before, ...behind].map((id) => [name(id), { id: name(id), ids: [id], tokens: [name(id)] }]),
    ),
  };
}

describe('byte-level tokenizers', () => {
  it('give the same ids', () => expectSameIds(tinyTokenizerJson()));

  it.each(Object.keys(PRE_TOKENIZERS))('that cut text as %s get a name that cuts alike', (name) => {
    const { parts, normalizer, ignore_merges } = PRE_TOKENIZERS[name];
    const json = changed((tokenizer) => {
      tokenizer.pre_tokenizer = { type: 'Sequence', pretokenizers: [...parts] };
      Object.assign(tokenizer, { normalizer: normalizer ? { type: normalizer } : null });
      tokenizer.model.ignore_merges = ignore_merges;
    });
    const { add_bos: _, ...found } = PRE_TOKENIZERS[preType(json as unknown as Json)];
    const { add_bos: __, ...expected } = PRE_TOKENIZERS[name];
    expect(found).toEqual(expected);
  });

  it('of real models are recognised by their own spelling', () => {
    const split = (Regex: string, behavior = 'Isolated', invert = false) => ({
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex }, behavior, invert },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    });
    const cl100k = (digits: string) =>
      `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
    const typeOf = (pre_tokenizer: object, normalizer: object | null, ignore_merges: boolean) =>
      preType({ pre_tokenizer, normalizer, model: { ignore_merges } });
    expect(typeOf(split(cl100k('\\p{N}{1,3}')), null, true)).toBe('llama-bpe');
    expect(typeOf(split(cl100k('\\p{N}{1,3}'), 'Removed', true), null, false)).toBe('dbrx');
    expect(typeOf(split(cl100k('\\p{N}')), { type: 'NFC' }, false)).toBe('qwen2');
    const digits = { type: 'Digits', individual_digits: true };
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
    expect(typeOf({ type: 'Sequence', pretokenizers: [digits, byteLevel] }, null, false)).toBe('smollm');
    expect(() => typeOf(split(cl100k('\\p{N}{1,2}')), null, false)).toThrow(NotCarried);
    expect(() => typeOf({ ...byteLevel, add_prefix_space: true }, null, false)).toThrow(/no name in llama.cpp/);
  });

  it('put one token before and one behind a text', async () => {
    const json = changed((tokenizer) => {
      tokenizer.post_processor = { type: 'Sequence', processors: [{ type: 'ByteLevel' }, template([5], [0])] };
    });
    const { tokenizer } = await throughGguf(write(json));
    const [h] = (await load(tinyTokenizerJson())).encode('h');
    expect([...tokenizer.encode('h')]).toEqual([5, h, 0]);
  });

  it('keep special ids, further ends and the chat template', async () => {
    const config = {
      eos_token: { content: '<|endoftext|>' },
      chat_template: [{ name: 'default', template: '{{ a }}' }],
    };
    const metadata = write(tinyTokenizerJson(), config, { bos_token_id: 3, eos_token_id: [0, 7], pad_token_id: 9 });
    const value = (key: string) => metadata.get(key) as { value: unknown } | undefined;
    const ids = ['bos', 'eos', 'eot', 'padding'].map((name) => value(`tokenizer.ggml.${name}_token_id`)?.value);
    expect(ids).toEqual([3, 0, 7, 9]);
    expect(value('tokenizer.ggml.add_bos_token')?.value).toBe(false);
    expect((await throughGguf(metadata)).config).toMatchObject({
      chat_template: '{{ a }}',
      eos_token: '<|endoftext|>',
    });
  });

  it('name the rows of the embedding that have no token', async () => {
    const json = tinyTokenizerJson();
    const metadata = write(json, {}, {}, vocabSize(json) + 2);
    const tokens: string[] = values(metadata, 'tokens');
    const types: number[] = values(metadata, 'token_type');
    expect(tokens.slice(-2)).toEqual(['[PAD264]', '[PAD265]']);
    expect(types.slice(-3)).toEqual([1, 5, 5]);
    expect(types[0]).toBe(3);
  });
});

/** SentencePiece-style: three control tokens, 256 bytes, then pieces. */
function pieces(list: readonly string[], merges: readonly string[], change: Json = {}): Json {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...list];
  return {
    version: '1.0',
    added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: template([1], [], ['', '<s>']),
    decoder: null,
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
    ...change,
  };
}

const ABC = ['a', 'b', 'c', '▁', 'ab', 'bc', '▁a', '▁ab'];
const MERGES = ['b c', '▁ a', '▁ ab', '▁a b', 'a b'];

describe('SentencePiece-style tokenizers', () => {
  it('give the same ids where merges are all ways to cut, ranked by the whole', async () => {
    const texts = ['abc', ' abcab', 'ccba é', '', 'a  b'];
    const metadata = await expectSameIds(pieces(ABC, MERGES), texts);
    const scores: number[] = values(metadata, 'scores');
    const score = (piece: string) => scores[3 + 256 + ABC.indexOf(piece)];
    expect(score('bc')).toBeGreaterThan(score('▁a'));
    expect(score('▁a')).toBeGreaterThan(score('▁ab'));
    expect(score('▁ab')).toBeGreaterThan(score('ab'));
    expect(metadata.get('tokenizer.ggml.add_space_prefix')).toEqual({ type: 'bool', value: true });
    const types: number[] = values(metadata, 'token_type');
    expect(types.slice(0, 5)).toEqual([2, 3, 3, 6, 6]);
  });

  it('give the same ids where a way to cut has no merge but is never needed', () =>
    expectSameIds(pieces(ABC, ['a b', 'b c', '▁ a', '▁ ab']), ['abc', ' abcab', 'a ab abb', 'bcab']));

  it('are not carried with added tokens that are found in the changed text', async () => {
    const added = (normalized: boolean) => {
      const json = pieces([...ABC, '<x>'], MERGES);
      const id = 3 + 256 + ABC.length;
      const added_tokens = [...(json.added_tokens as Json[]), { id, content: '<x>', special: false, normalized }];
      return { ...json, added_tokens } as Json;
    };
    await expectSameIds(added(false), ['a<x>b']);
    await expect(expectSameIds(added(true), ['a<x>b'])).rejects.toThrow('after it has changed the text');
  });

  it('add no space where the tokenizer adds none', async () => {
    const normalizer = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
    const pre_tokenizer = { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false };
    const metadata = await expectSameIds(pieces(ABC, MERGES, { normalizer, pre_tokenizer }), ['ab ab', ' a']);
    expect(metadata.get('tokenizer.ggml.add_space_prefix')).toEqual({ type: 'bool', value: false });
  });
});

describe('what GGUF cannot carry', () => {
  const tiny = (change: Parameters<typeof changed>[0]) => changed(change) as unknown as Json;
  it.each<[string, () => Json, RegExp]>([
    ['another type', () => tiny(({ model }) => Object.assign(model, { type: 'Unigram' })), /type Unigram/],
    ['dropout', () => tiny(({ model }) => Object.assign(model, { dropout: 0.1 })), /at random/],
    [
      'marks of words',
      () => tiny(({ model }) => Object.assign(model, { end_of_word_suffix: '</w>' })),
      /ends of words/,
    ],
    ['a normalizer', () => tiny((json) => Object.assign(json, { normalizer: { type: 'Lowercase' } })), /Lowercase/],
    [
      'two tokens before a text',
      () => tiny((json) => Object.assign(json, { post_processor: template([1, 2], []) })),
      /more around a text/,
    ],
    [
      'a step at the end',
      () => tiny((json) => Object.assign(json, { post_processor: { type: 'BertProcessing' } })),
      /BertProcessing/,
    ],
    [
      'a token that takes spaces',
      () =>
        tiny(({ added_tokens }) =>
          added_tokens.push({ id: 264, content: '<x>', special: false, normalized: false, lstrip: true } as never),
        ),
      /"<x>" takes spaces/,
    ],
    [
      'a token with two ids',
      () =>
        tiny(({ added_tokens }) => added_tokens.push({ id: 264, content: 'he', special: false, normalized: false })),
      /two ids for the token "he"/,
    ],
    [
      'bytes left out',
      () => pieces(ABC, [], { model: { type: 'BPE', byte_fallback: true, vocab: { a: 0 }, merges: [] } }),
      /one token for each byte/,
    ],
    ['other steps', () => pieces(ABC, MERGES, { normalizer: { type: 'NFKC' } }), /another way than SentencePiece/],
    // a + bc stay two tokens in BPE, but scores would join them.
    [
      'merges that scores cannot say',
      () => pieces(['a', 'b', 'c', 'ab', 'bc', 'abc'], ['b c', 'a b', 'ab c']),
      /merges "abc"/,
    ],
    ['two ranks of one token', () => pieces(ABC, ['▁ ab', 'a b', '▁a b', '▁ a']), /"▁ab" at two different ranks/],
  ])('%s', (_, json, reason) => {
    expect(() => write(json())).toThrow(NotCarried);
    expect(() => write(json())).toThrow(reason);
  });

  it('ids beyond the embedding', () => {
    expect(() => write(tinyTokenizerJson(), {}, {}, 200)).toThrow(/the model embeds only 200 tokens/);
  });
});

describeWithShared('tokenizers of real models', () => {
  it.each(['demo', 'opt-tiny', 'stories260k'])('of %s give the same ids', async (model) => {
    const json = readSharedJson('models', model, 'tokenizer.json') as Json;
    const texts = ['stories.evaluation.txt', 'wiki.test.raw'].map((file) =>
      readSharedText('text', file).slice(0, 5000),
    );
    await expectSameIds(json, [...SAMPLES, ...texts]);
  });
});
