import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../../test/bad_input.ts';
import { byteLevelMetadata, ggufBlob, type Metadata, string } from '../../../../test/fixtures/gguf_model.ts';
import { type TinyTokenizerJson, tinyTokenizerJson } from '../../../../test/fixtures/tiny_tokenizer.ts';
import { describeWithShared, readSharedJson, readSharedText } from '../../../../test/shared.ts';
import { blobSource } from '../../source.ts';
import { loadTokenizer, type Tokenizer } from '../../tokenizer/tokenizer.ts';
import { readGgufHeader } from '../header.ts';
import type { ScalarToWrite, ValueToWrite } from '../write.ts';
import { PRE_TOKENIZERS } from './pre_tokenizers.ts';
import { specialIds, tokenizerFiles } from './tokenizer_files.ts';

const json = (name: string, value: unknown) => blobSource(name, new Blob([JSON.stringify(value)]));

/** Through a file: written, read, rebuilt, loaded. */
async function rebuild(metadata: Metadata) {
  const source = blobSource('t.gguf', await ggufBlob({ metadata, tensors: [] }));
  const header = await readGgufHeader(source);
  const files = tokenizerFiles(header.metadata, 512);
  const tokenizer = await loadTokenizer(
    json('tokenizer.json', files.tokenizer),
    json('c.json', files.tokenizer_config),
  );
  return { files, tokenizer, special_ids: specialIds(header.metadata) };
}

const original = (tokenizer: unknown) => loadTokenizer(json('tokenizer.json', tokenizer));

const array = (of: 'string' | 'int32' | 'float32', values: readonly ScalarToWrite[]): ValueToWrite => ({
  type: 'array',
  of,
  values,
});

const SAMPLES = [
  'Hello, world!',
  "  Two  spaces\n\n\tand they've tabs; 12345 numbers. ",
  'café — naïve 🙂 中文 и по-русски',
  '<|endoftext|>after<s> </s>',
  'a',
  ' ',
];

function expectSame(found: Tokenizer, expected: Tokenizer, texts: readonly string[]): void {
  for (const text of texts) {
    const ids = found.encode(text);
    expect(ids, JSON.stringify(text.slice(0, 60))).toEqual(expected.encode(text));
    expect(found.decode(ids)).toBe(expected.decode(ids));
  }
}

describe('byte-level tokenizers', () => {
  it('give the ids of the tokenizer.json that they were written from', async () => {
    const { tokenizer } = await rebuild(byteLevelMetadata(tinyTokenizerJson(), 'gpt-2'));
    expectSame(tokenizer, await original(tinyTokenizerJson()), SAMPLES);
  });

  it.each(Object.keys(PRE_TOKENIZERS))('of the type %s lose no letter', async (pre) => {
    const metadata = byteLevelMetadata(tinyTokenizerJson(), pre);
    metadata.set('tokenizer.ggml.add_bos_token', { type: 'bool', value: false });
    const { tokenizer } = await rebuild(metadata);
    for (const text of SAMPLES) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it('cut as their type says', async () => {
    /** One token a piece: a vocabulary of bytes and everything that "12 345a" can be cut into. */
    const tokenizerJson = tinyTokenizerJson();
    const add = (left: string, right: string) => {
      tokenizerJson.model.vocab[left + right] = Object.keys(tokenizerJson.model.vocab).length;
      tokenizerJson.model.merges.push(`${left} ${right}`);
    };
    add('1', '2');
    add('12', '3');
    add('123', '4');
    add('Ġ', '1234');
    add('D', 'd');
    const pieces = async (pre: string, text: string) => {
      const { tokenizer } = await rebuild(byteLevelMetadata(tokenizerJson, pre));
      return [...tokenizer.encode(text)].map((id) => tokenizer.decode([id]));
    };
    expect(await pieces('gpt-2', ' 1234')).toEqual([' 1234']);
    expect(await pieces('smollm', ' 1234')).toEqual([' ', '1', '2', '3', '4']);
    expect(await pieces('qwen2', ' 1234')).toEqual([' ', '1', '2', '3', '4']);
    expect(await pieces('dbrx', ' 1234')).toEqual([' ', '123', '4']);
    expect(await pieces('default', ' 1234')).toEqual([' ', '123', '4']);
    expect(await pieces('falcon', ' 1234')).toEqual([' ', '123', '4']);
    expect(await pieces('gpt-4o', 'Dd')).toEqual(['Dd']);
    expect(await pieces('gpt-4o', 'dDd')).toEqual(['d', 'Dd']);
  });

  it('put beginning and end where the file says, or where the type does', async () => {
    const metadata = byteLevelMetadata(tinyTokenizerJson(), 'gpt-2');
    const first = async () => [...(await rebuild(metadata)).tokenizer.encode('h')];
    const [h] = await first();
    expect(await first()).toEqual([h]);
    metadata.set('tokenizer.ggml.add_bos_token', { type: 'bool', value: true });
    expect(await first()).toEqual([0, h]);
    metadata.set('tokenizer.ggml.add_eos_token', { type: 'bool', value: true });
    expect(await first()).toEqual([0, h, 0]);
    metadata.delete('tokenizer.ggml.add_bos_token');
    metadata.delete('tokenizer.ggml.add_eos_token');
    metadata.set('tokenizer.ggml.pre', string('llama-bpe'));
    expect(await first()).toEqual([0, h]);
  });

  it('carry the chat template as text and never run it', async () => {
    const template = "{{ ''.__class__.__mro__[1].__subclasses__() }}{% for x in range(999999999) %}a{% endfor %}";
    const metadata = byteLevelMetadata(tinyTokenizerJson(), 'gpt-2');
    metadata.set('tokenizer.chat_template', string(template));
    const { files, special_ids } = await rebuild(metadata);
    expect(files.tokenizer_config).toMatchObject({ chat_template: template, eos_token: '<|endoftext|>' });
    expect(special_ids).toEqual({ bos_token_id: 0, eos_token_id: 0 });
  });
});

describe('SentencePiece tokenizers', () => {
  it('rank merges by score, and fall back to bytes', async () => {
    const { tokenizer } = await rebuild(
      sentencePiece(['a', 'b', 'ab', 'bc', 'c', '▁', '▁a'], [-4, -5, -2, -1, -6, -7, -3]),
    );
    const pieces = (text: string) => [...tokenizer.encode(text)].map((id) => tokenizer.decode([id]));
    // "bc" has the better score, although "ab" comes first
    expect(pieces('abc').slice(1)).toHaveLength(2);
    expect(tokenizer.decode(tokenizer.encode('abc é'))).toBe('<s> abc é');
    const ids = tokenizer.encode('é');
    expect([...ids].slice(-2)).toEqual([3 + 0xc3, 3 + 0xa9]);
  });

  it('add no space where the file says so', async () => {
    const metadata = sentencePiece(['a', '▁', '▁a'], [-1, -2, -3]);
    metadata.set('tokenizer.ggml.add_space_prefix', { type: 'bool', value: false });
    metadata.set('tokenizer.ggml.add_bos_token', { type: 'bool', value: false });
    const { tokenizer } = await rebuild(metadata);
    expect([...tokenizer.encode('a a')]).toEqual([259, 261]);
    expect(tokenizer.decode(tokenizer.encode(' a'))).toBe(' a');
  });
});

describe('special tokens of Phi-3', () => {
  const ids = async (name: string, text: string) => {
    const metadata = sentencePiece(['a', '▁', '▁a'], [-1, -2, -3]);
    metadata.set('general.name', string(name));
    return [...(await rebuild(metadata)).tokenizer.encode(text)];
  };

  // As llama.cpp: the file does not say that they take white space, its name does; BOS and the unknown token take none.
  it.each(['Phi 3 mini', 'tiny'])('of a model named %s leave white space', async (name) => {
    expect(await ids(name, '</s> \na')).toEqual([1, 2, 260, 260, 13, 259]);
  });

  it.each(['Phi-3 Mini', 'my phi3'])('of a model named %s take the white space behind them', async (name) => {
    expect(await ids(name, '</s> \na')).toEqual([1, 2, 261]);
    expect(await ids(name, '<s> a')).toEqual([1, 1, 260, 261]);
  });
});

describe('bad tokenizers', () => {
  const spoilt = (change: (metadata: Metadata) => void, metadata = byteLevelMetadata(tinyTokenizerJson(), 'gpt-2')) => {
    change(metadata);
    return rebuild(metadata);
  };
  const key = (name: string, value: ValueToWrite) => (metadata: Metadata) => {
    metadata.set(`tokenizer.ggml.${name}`, value);
  };

  it.each<[string, (metadata: Metadata) => void, ...string[]]>([
    ['of no kind', (metadata) => metadata.delete('tokenizer.ggml.model'), 'no tokenizer', 'gpt2, llama'],
    ['of another kind', key('model', string('bert')), 'of the kind "bert"', 'gpt2, llama'],
    ['cut in an unknown way', key('pre', string('kimi-k9')), '"kimi-k9"', 'llama-bpe', 'smollm', 'qwen2'],
    ['without tokens', (metadata) => metadata.delete('tokenizer.ggml.tokens'), 'no token table'],
    ['with an empty table', key('tokens', array('string', [])), 'is empty'],
    ['with a token twice', key('tokens', array('string', ['a', 'b', 'a'])), '"a" has the ids 0 and 2'],
    ['with too few types', key('token_type', array('int32', [1, 1])), '2 token types for 264 tokens'],
    ['with a special id beyond the table', key('bos_token_id', { type: 'uint32', value: 264 }), 'bos_token_id is 264'],
    ['without merges', (metadata) => metadata.delete('tokenizer.ggml.merges'), 'no merges'],
    ['with a merge of one token', key('merges', array('string', ['abc'])), 'does not name two tokens'],
  ])('refuses one %s', async (_, change, ...fragments) => {
    await expectBadInput(spoilt(change), 'bad_tokenizer', ...fragments);
  });

  it('leaves out merges whose parts or whole the vocabulary does not have, and says so', async () => {
    const plain = byteLevelMetadata(tinyTokenizerJson(), 'gpt-2');
    const merges = plain.get('tokenizer.ggml.merges') as Extract<ValueToWrite, { type: 'array' }>;
    const more = ['qq zz', 't Ġ', ...merges.values];
    const { tokenizer, files } = await spoilt(key('merges', array('string', more)));
    expect(files.warnings).toEqual([
      `2 of ${more.length} merges name tokens that the vocabulary does not have, and are left out.`,
    ]);
    const text = 'the cat, that is not a hat ';
    expect([...tokenizer.encode(text)]).toEqual([...(await rebuild(plain)).tokenizer.encode(text)]);
  });

  it.each<[string, ValueToWrite, string]>([
    ['of another type', { type: 'array', of: 'int8', values: [1, 2, 3] }, 'an array of 3 int8'],
    ['shorter than the tokens', array('float32', [0, 0]), 'an array of 2 float32'],
    ['that are no numbers', string('x'), 'tokenizer.ggml.scores is "x" (string)'],
  ])('refuses scores %s', async (_, scores, fragment) => {
    const metadata = sentencePiece(['a'], [0]);
    const code = scores.type === 'string' ? 'bad_gguf' : 'bad_tokenizer';
    await expectBadInput(spoilt(key('scores', scores), metadata), code, fragment, 'array');
  });

  it('names tokens that have no text', async () => {
    const metadata = sentencePiece(['a', '', 'b'], [0, 0, 0]);
    const { tokenizer } = await rebuild(metadata);
    expect(tokenizer.decode([260])).toContain('[EMPTY_260]');
  });
});

/** The usual three control tokens and 256 bytes, then the given pieces with their scores. */
function sentencePiece(pieces: readonly string[], scores: readonly number[]): Metadata {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  return new Map<string, ValueToWrite>([
    ['tokenizer.ggml.model', string('llama')],
    ['tokenizer.ggml.tokens', array('string', ['<unk>', '<s>', '</s>', ...bytes, ...pieces])],
    ['tokenizer.ggml.scores', array('float32', [0, 0, 0, ...bytes.map(() => 0), ...scores])],
    ['tokenizer.ggml.token_type', array('int32', [2, 3, 3, ...bytes.map(() => 6), ...pieces.map(() => 1)])],
    ['tokenizer.ggml.bos_token_id', { type: 'uint32', value: 1 }],
    ['tokenizer.ggml.eos_token_id', { type: 'uint32', value: 2 }],
    ['tokenizer.ggml.unknown_token_id', { type: 'uint32', value: 0 }],
  ]);
}

const TEXTS: readonly (readonly string[])[] = [
  ['text', 'stories.evaluation.txt'],
  ['text', 'wiki.test.raw'],
];

describeWithShared('tokenizers of real models', () => {
  const texts = () => [...SAMPLES, ...TEXTS.flatMap((path) => pieces(readSharedText(...path), 20_000))];
  /** From the start, the middle and near the end. */
  const pieces = (text: string, length: number) =>
    [0, 0.5, 0.9].map((share) => text.slice(share * text.length, share * text.length + length));

  it.each(['demo', 'opt-tiny'])('of %s come back through GGUF', async (model) => {
    const tokenizerJson = readSharedJson('models', model, 'tokenizer.json') as TinyTokenizerJson;
    const { tokenizer } = await rebuild(byteLevelMetadata(tokenizerJson, 'gpt-2'));
    expectSame(tokenizer, await original(tokenizerJson), texts());
  });

  it('of stories260k comes back through GGUF, merges made from scores', async () => {
    const tokenizerJson = readSharedJson('models', 'stories260k', 'tokenizer.json') as TinyTokenizerJson;
    const { vocab, merges } = tokenizerJson.model;
    const tokens: string[] = [];
    for (const [token, id] of Object.entries(vocab)) tokens[id] = token;
    // as SentencePiece numbers its merges: the first has the best score
    const rank = new Map(merges.map((merge, i) => [String(merge).replace(' ', ''), i]));
    const learnt = tokens.slice(259);
    const metadata = sentencePiece(
      learnt,
      learnt.map((token) => -(rank.get(token) ?? merges.length)),
    );
    const { tokenizer } = await rebuild(metadata);
    expectSame(tokenizer, await original(tokenizerJson), texts());
  });
});
