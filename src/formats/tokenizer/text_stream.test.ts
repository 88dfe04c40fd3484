/** Text from tokens one by one: joined it is what the Rust library decodes, and nothing that was shown changes (`tools/tokenizers/`). */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { blobSource } from '../source.ts';
import { TextStream } from './text_stream.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';

interface Fixture {
  texts: string[];
  cases: { name: string; tokenizer: object; ids: number[][]; decoded?: string[] }[];
}

const FILE = new URL('../../../test/fixtures/tokenizers.json.gz', import.meta.url);
const { cases } = JSON.parse(gunzipSync(readFileSync(FILE)).toString()) as Fixture;
const decoding = cases.filter(({ decoded }) => decoded);

const load = (json: object) => loadTokenizer(blobSource('tokenizer.json', new Blob([JSON.stringify(json)])));

function streamed(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  const stream = new TextStream(tokenizer);
  return [...ids.map((id) => stream.push(id)), stream.end()];
}

describe('TextStream', () => {
  it('has decoders of every kind', () => {
    const kinds = decoding.map(({ tokenizer }) => JSON.stringify((tokenizer as { decoder: unknown }).decoder));
    for (const kind of ['ByteLevel', 'ByteFallback', 'Metaspace', 'WordPiece', 'BPEDecoder', 'CTC']) {
      expect(kinds.some((each) => each.includes(`"${kind}"`))).toBe(true);
    }
  });

  it.each(decoding)('gives the text of all tokens: $name', async ({ tokenizer: json, ids, decoded }) => {
    const tokenizer = await load(json);
    for (const [i, own] of ids.entries()) expect(streamed(tokenizer, own).join('')).toBe((decoded as string[])[i]);
  });

  it('gives no character before it is whole', async () => {
    const { tokenizer: json } = decoding.find(({ tokenizer }) =>
      JSON.stringify((tokenizer as { decoder: unknown }).decoder).startsWith('{"type":"ByteLevel"'),
    ) as Fixture['cases'][number];
    const tokenizer = await load(json);
    const text = 'Grüße 😀, 한국어 👩‍🚀.';
    const ids = [...tokenizer.encodePlain(text)];
    const pieces = streamed(tokenizer, ids);
    expect(pieces.join('')).toBe(text);
    expect(pieces.some((piece) => piece.includes('\ufffd'))).toBe(false);
    // Broken off within a character: what is whole, and then the half as such.
    const cut = streamed(tokenizer, [...tokenizer.encodePlain('a😀')].slice(0, 2));
    expect(cut.slice(0, -1).join('')).toBe('a');
    expect(cut.at(-1)).toBe('\ufffd');
  });
});
