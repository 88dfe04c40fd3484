/** @file Malformed tokenizer.json: vocabularies, merges and parts that are none. */
import { type TinyTokenizerJson, tinyTokenizerJson } from '../fixtures/tiny_tokenizer.ts';
import { FOREIGN, type Malformed, withFile, withJson } from './malformed.ts';

const FILE = 'tokenizer.json';

function spoilt(what: string, spoil: (json: TinyTokenizerJson) => unknown, where?: string): Malformed {
  return {
    what: `${FILE}: ${what}`,
    files: () => {
      const json = tinyTokenizerJson();
      return withJson(FILE, spoil(json) ?? json);
    },
    code: 'bad_tokenizer',
    file: FILE,
    where,
  };
}

export function tokenizerFiles(): Malformed[] {
  const part = (key: 'normalizer' | 'pre_tokenizer' | 'decoder' | 'post_processor') =>
    spoilt(`an unknown ${key}`, (json) => ({ ...json, [key]: { type: 'Spiral' } }));
  return [
    spoilt('no model', (json) => ({ ...json, model: undefined }), 'model'),
    spoilt('a model that is a list', (json) => ({ ...json, model: [] }), 'model'),
    spoilt('an unknown model', (json) => ({ ...json, model: { ...json.model, type: 'Spiral' } }), 'model'),
    spoilt('no vocabulary', (json) => ({ ...json, model: { ...json.model, vocab: undefined } }), 'vocab'),
    spoilt('an empty vocabulary', (json) => ({ ...json, model: { ...json.model, vocab: {} } })),
    spoilt('an id that is text', (json) => ({
      ...json,
      model: { ...json.model, vocab: { ...json.model.vocab, a: 'x' } },
    })),
    spoilt('a negative id', (json) => ({ ...json, model: { ...json.model, vocab: { ...json.model.vocab, a: -1 } } })),
    spoilt('an id of 900,000,000', (json) => ({
      ...json,
      model: { ...json.model, vocab: { ...json.model.vocab, zzz: 900_000_000 } },
    })),
    spoilt('a merge of an absent token', (json) => ({ ...json, model: { ...json.model, merges: ['zz qq'] } })),
    spoilt('a merge of three parts', (json) => ({ ...json, model: { ...json.model, merges: ['a b c'] } })),
    spoilt('a merge that is a number', (json) => ({ ...json, model: { ...json.model, merges: [7] } })),
    spoilt('an added token that is text', (json) => ({ ...json, added_tokens: ['x'] })),
    part('pre_tokenizer'),
    spoilt('a pre-tokenizer that is text', (json) => ({ ...json, pre_tokenizer: 'ByteLevel' })),
    ...['', '[]', '7', '{"model":', '{"a":1,"a":2}', '\ufeff{}'].map(
      (text): Malformed => ({
        what: `${FILE}: ${JSON.stringify(text)}`,
        files: () => withFile(FILE, new Blob([text])),
        code: 'bad_tokenizer',
        file: FILE,
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
