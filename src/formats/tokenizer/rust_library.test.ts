/**
 * @file The allow-list, held to the ids of the Rust library: tokenizers of every part and option over hard texts in every
 * script (tools/tokenizers/fixtures.py wrote them). Another file of that generator, with another seed, may be named in
 * WHITTLE_TOKENIZERS: fuzzing.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { blobSource } from '../source.ts';
import { loadTokenizer } from './tokenizer.ts';

interface Fixture {
  texts: string[];
  cases: { name: string; tokenizer: object; ids: number[][]; decoded?: string[] }[];
}

const FILE = process.env.WHITTLE_TOKENIZERS ?? new URL('../../../test/fixtures/tokenizers.json.gz', import.meta.url);
const { texts, cases } = JSON.parse(gunzipSync(readFileSync(FILE)).toString()) as Fixture;

const load = (json: object) => loadTokenizer(blobSource('tokenizer.json', new Blob([JSON.stringify(json)])));

describe(`ids of the Rust library: ${cases.length} tokenizers, ${texts.length} texts`, () => {
  it('are many', () => {
    expect(cases.length).toBeGreaterThanOrEqual(150);
    expect(texts.length).toBeGreaterThanOrEqual(15);
  });

  it.each(cases)('$name', async ({ tokenizer: json, ids, decoded }) => {
    const tokenizer = await load(json);
    for (const [i, text] of texts.entries()) {
      const found = [...tokenizer.encode(text)];
      expect(found, JSON.stringify(text)).toEqual(ids[i]);
      if (decoded) expect(tokenizer.decode(found), JSON.stringify(text)).toBe(decoded[i]);
    }
  });
});
