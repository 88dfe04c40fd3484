import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { jsonBlob } from '../../../test/fixtures/tiny_llama.ts';
import { TINY_VOCAB_SIZE, type TinyTokenizerJson, tinyTokenizerJson } from '../../../test/fixtures/tiny_tokenizer.ts';
import { describeWithShared, readSharedJson, readSharedText, sharedModelFiles } from '../../../test/shared.ts';
import type { ErrorCode } from '../../errors/errors.ts';
import { blobSource } from '../source.ts';
import { loadTokenizer } from './tokenizer.ts';

type Edit = (json: TinyTokenizerJson) => void;

const loadBlob = (blob: Blob, modelVocabSize?: number) =>
  loadTokenizer(blobSource('tokenizer.json', blob), undefined, modelVocabSize);

async function load(edit: Edit = () => {}, modelVocabSize?: number) {
  const json = tinyTokenizerJson();
  edit(json);
  return loadBlob(jsonBlob(json), modelVocabSize);
}

const template = (ids: number[], name = '<|endoftext|>') => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: name, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [],
  special_tokens: { [name]: { id: name, ids, tokens: [name] } },
});

const EDITS: [what: string, edit: Edit, ...fragments: string[]][] = [
  ['no model [69]', (json) => Reflect.deleteProperty(json, 'model'), 'no "model"'],
  ['an unknown type [69]', ({ model }) => (model.type = 'Magic'), '"Magic" is not supported', 'BPE'],
  [
    'an unknown pre-tokenizer',
    (json) => (json.pre_tokenizer = { type: 'Magic' }),
    'pre-tokenizer Magic is not supported',
    'Metaspace',
  ],
  ['a merge of an unknown token [70]', ({ model }) => (model.merges[3] = 'Ġ zz'), 'Merge 3 names "zz"'],
  ['a merge whose result is unknown [70]', ({ model }) => (model.merges[3] = 'q q'), 'Merge 3 names "qq"'],
  ['a merge of three parts [70]', ({ model }) => (model.merges[1] = 'a b c'), 'Merge 1 has 3 parts'],
  ['a merge that is a number', ({ model }) => (model.merges[1] = 5), 'Merge 1'],
  ['no merges', ({ model }) => Reflect.deleteProperty(model, 'merges'), 'no merges'],
  ['two tokens with one id [71]', ({ model }) => (model.vocab.he = 66), '"he"', 'the same id 66'],
  [
    'a gap of 900,000,000 ids [71]',
    ({ model }) => (model.vocab.zz = 900_000_000),
    '"zz" is 900000000',
    'at most 10000000',
  ],
  ['a negative id', ({ model }) => (model.vocab.zz = -1), '"zz" is -1'],
  ['an empty vocab [71]', ({ model }) => (model.vocab = {}), 'vocab is empty'],
  [
    'an added token without content [72]',
    (json) => json.added_tokens.push({ id: 300 } as TinyTokenizerJson['added_tokens'][0]),
    'Added token 1 has no content',
  ],
  [
    'a post-processor with an unknown id [73]',
    (json) => (json.post_processor = template([999_999])),
    '999999',
    'outside the vocabulary',
  ],
  ['random merges', ({ model }) => (model.dropout = 0.1), 'leaves merges out at random', 'model.dropout'],
  [
    'a template without its token',
    (json) => (json.post_processor = { ...template([0]), special_tokens: {} }),
    'inserts "<|endoftext|>"',
  ],
  [
    'a template for two texts',
    (json) => (json.post_processor = { ...template([0]), single: [{ Sequence: { id: 'B', type_id: 0 } }] }),
    'asks for a second one',
  ],
  [
    'a post-processor behind a template',
    (json) => (json.post_processor = { type: 'Sequence', processors: [template([0]), template([0])] }),
    'follows a template',
  ],
  [
    'an option that is missing',
    (json) => (json.pre_tokenizer = { type: 'Split', pattern: { String: ' ' }, behavior: 'Isolated' }),
    'Split has no invert',
    'pre_tokenizer.invert',
  ],
  [
    'an option of another kind',
    (json) => (json.pre_tokenizer = { type: 'Punctuation', behavior: 'removed' }),
    'has as behavior the text "removed"',
    'MergedWithPrevious',
  ],
  [
    'a part inside a sequence',
    (json) =>
      (json.pre_tokenizer = {
        type: 'Sequence',
        pretokenizers: [{ type: 'Digits', individual_digits: true }, { type: 'New' }],
      }),
    'pre_tokenizer.pretokenizers.1',
    'pre-tokenizer New is not supported',
  ],
  ...(
    [
      ['an expression with an error', '(a', 'Unclosed group'],
      ['an expression that browsers cannot follow', '\\X+', 'not supported'],
      ['(?i) over letters that fold into several', '(?i)strasse', 'fold into several'],
      ['(?i) over such letters in groups', '(?i:(?:s)(?:s))', 'fold into several'],
      ['a repeated group that may match nothing', '(?:a*|b)+', 'may match nothing'],
      ['a reference to a repeated group', '(?:(a)|b)+\\1', 'reference to a repeated group'],
    ] as const
  ).map(([what, Regex, fragment]): [string, Edit, string] => [
    what,
    (json) => (json.pre_tokenizer = { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false }),
    fragment,
  ]),
];

describe('loadTokenizer refuses', () => {
  it.each(EDITS)('%s', async (_, edit, ...fragments) => {
    await expectBadInput(load(edit), 'bad_tokenizer', 'tokenizer.json', ...fragments);
  });

  it.each<[string, string, ErrorCode, ...string[]]>([
    ['an empty file [69]', '', 'bad_tokenizer', 'empty'],
    ['a web page [69]', '<html></html>', 'not_a_model', 'web page'],
    ['a byte-order mark [69]', '\ufeff{}', 'bad_tokenizer', 'byte 0'],
    ['a list [69]', '[]', 'bad_tokenizer', 'JSON object'],
    [
      'a token given twice [71]',
      '{"model":{"type":"BPE","merges":[],"vocab":{"a":0,"a":1}}}',
      'bad_tokenizer',
      '"a" is given twice',
      'model.vocab',
    ],
    ['a Unigram entry without score', '{"model":{"type":"Unigram","vocab":[["a"]]}}', 'bad_tokenizer', 'entry 0'],
  ])('%s', async (_, text, code, ...fragments) => {
    await expectBadInput(loadBlob(new Blob([text])), code, ...fragments);
  });

  it('a text that uses ids beyond the model’s vocabulary', async () => {
    const { encode } = await load(undefined, 150);
    expect([...encode('AB')]).toEqual([66, 67]);
    await expectBadInput((async () => encode('AB é'))(), 'bad_tokenizer', 'outside the vocabulary of 150');
  });
});

describe('loadTokenizer', () => {
  it('says which character has no token, where not even an unknown one is there', async () => {
    const words = { type: 'WordLevel', vocab: { a: 0 }, unk_token: '<unk>', merges: [] };
    const { encode } = await load((json) => {
      json.model = words;
      json.added_tokens = [];
    });
    expect([...encode('a')]).toEqual([0]);
    await expectBadInput((async () => encode('b'))(), 'bad_tokenizer', 'unk_token "<unk>" is not in the vocabulary');
  });

  it('streams the ids of encode, and takes halves of characters for unknown ones', async () => {
    const tokenizer = await load((json) => (json.post_processor = template([0])));
    const text = ' the \ud83d the \ude00 \ud83d\ude00'.repeat(50);
    expect([...tokenizer.stream(text)].flat()).toEqual([...tokenizer.encode(text)]);
    expect([...tokenizer.streamPlain(text)].flat()).toEqual([...tokenizer.encode(text)].slice(1));
    expect(tokenizer.decode(tokenizer.encodePlain('a\ud83d'))).toBe('a\ufffd');
  });

  it('encodes any text and decodes it to the same text', async () => {
    const tokenizer = await load();
    expect(tokenizer.vocab_size).toBe(TINY_VOCAB_SIZE);
    expect(tokenizer.name).toBe('BPE, 264 tokens');
    for (const text of ['in the end', 'Grüße, 世界 🙂!\n\n\tx', ' ', '']) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
    expect([...tokenizer.encode(' the')]).toEqual([259]);
  });

  it('adds special tokens where the post-processor does', async () => {
    const tokenizer = await load((json) => (json.post_processor = template([0])));
    expect([...tokenizer.encode(' the')]).toEqual([0, 259]);
  });

  it('reads merges written as pairs', async () => {
    const tokenizer = await load(({ model }) => (model.merges = model.merges.map((merge) => String(merge).split(' '))));
    expect([...tokenizer.encode(' the')]).toEqual([259]);
  });
});

interface Reference {
  protocol: Record<'calibration' | 'evaluation', string> &
    Record<'calibration_first_ids' | 'evaluation_first_ids', number[]> &
    Record<'calibration_tokens' | 'evaluation_tokens', number>;
}

async function loadShared(model: string) {
  const files = await sharedModelFiles(model);
  const source = (name: string) => blobSource(name, files.find(({ path }) => path === `${model}/${name}`)!.blob);
  return loadTokenizer(source('tokenizer.json'), source('tokenizer_config.json'));
}

describeWithShared('token ids of the reference', () => {
  it.each(['demo', 'stories260k', 'opt-tiny'])('%s', async (model) => {
    const { protocol } = readSharedJson('reference', `${model}.json`) as Reference;
    const tokenizer = await loadShared(model);
    for (const role of ['calibration', 'evaluation'] as const) {
      const ids = tokenizer.encode(readSharedText(protocol[role]));
      const first = protocol[`${role}_first_ids`];
      expect([...ids.slice(0, first.length)]).toEqual(first);
      expect(ids).toHaveLength(protocol[`${role}_tokens`]);
    }
  });

  it('a text of 1.3 MB in reasonable time', async () => {
    const tokenizer = await loadShared('demo');
    const text = readSharedText('text', 'wiki.test.raw');
    const start = performance.now();
    const ids = tokenizer.encode(text);
    expect(ids).toHaveLength(431_422);
    expect(performance.now() - start).toBeLessThan(30_000);
    expect(tokenizer.decode(ids.subarray(0, 400))).toBe(text.slice(0, tokenizer.decode(ids.subarray(0, 400)).length));
  });
});
