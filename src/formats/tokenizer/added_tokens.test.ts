/** @file What the fixtures of the Rust library do not have; its ids are those of tokenizers 0.23.3. */
import { describe, expect, it } from 'vitest';
import { blobSource } from '../source.ts';
import { loadTokenizer } from './tokenizer.ts';

const FLAGS = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };
const token = (content: string, flags: object = {}) => ({ id: 3, content, ...FLAGS, ...flags });

async function ids(text: string, added_tokens: object[], normalizer?: object): Promise<number[]> {
  const model = { type: 'WordLevel', vocab: { '<unk>': 0, '▁': 1, '<s>': 2 }, unk_token: '<unk>' };
  const json = { version: '1.0', added_tokens, normalizer, model };
  const tokenizer = await loadTokenizer(blobSource('tokenizer.json', new Blob([JSON.stringify(json)])));
  return [...tokenizer.encode(text)];
}

describe('an added token', () => {
  const [plain, normalized] = [token('<s>'), token('<s>', { normalized: true })];

  it.each([
    ['is looked for after normalising where it was given last so', [plain, normalized], [0]],
    ['is looked for before it otherwise', [normalized, plain], [0, 2, 0]],
  ])('%s', async (_, added, expected) => {
    expect(await ids('a<s>b', added, { type: 'Prepend', prepend: '▁' })).toEqual(expected);
  });

  it.each([
    ['is dropped where another took all of it', { lstrip: true, rstrip: true }, [0, 3, 0]],
    ['stays where it asks for none before it', {}, [0, 3, 4, 0]],
  ])('of white space %s', async (_, flags, expected) => {
    expect(await ids('a<e>  the', [token('<e>', { rstrip: true }), token('  ', flags)])).toEqual(expected);
  });
});
