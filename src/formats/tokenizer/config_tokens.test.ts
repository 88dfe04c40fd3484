/**
 * @file Tokens that a folder adds to its tokenizer.json, held to the ids that transformers gives
 * (tools/tokenizers/folder_tokens.py wrote them; another of its files may be named in WHITTLE_FOLDER_TOKENS: fuzzing).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blobSource } from '../source.ts';
import { loadTokenizer, type OlderTokenFiles } from './tokenizer.ts';

type Json = Record<string, unknown>;

interface Fixture {
  texts: string[];
  tokenizer: Json;
  cases: { changed: Json; files: Record<string, Json>; ids: number[][] }[];
}

const FILE = process.env.WHITTLE_FOLDER_TOKENS ?? new URL('../../../test/fixtures/folder_tokens.json', import.meta.url);
const { texts, tokenizer: base, cases } = JSON.parse(readFileSync(FILE, 'utf8')) as Fixture;

const source = (name: string, value: unknown) => blobSource(name, new Blob([JSON.stringify(value)]));

function load(tokenizer: Json, files: Record<string, Json>) {
  const beside = (name: string) => (files[name] ? source(name, files[name]) : undefined);
  const older: OlderTokenFiles = {
    special_tokens_map: beside('special_tokens_map.json'),
    added_tokens: beside('added_tokens.json'),
  };
  return loadTokenizer(source('tokenizer.json', tokenizer), beside('tokenizer_config.json'), undefined, older);
}

describe('tokens of the files beside tokenizer.json', () => {
  it('are many', () => expect(cases.length).toBeGreaterThanOrEqual(50));

  it.each(cases.map((each, i) => ({ i, ...each })))('$i are those of transformers', async ({ changed, files, ids }) => {
    const tokenizer = await load({ ...base, ...changed }, files);
    for (const [i, text] of texts.entries()) expect([...tokenizer.encode(text)], text).toEqual(ids[i]);
  });

  it('are listed with the ids that they have', async () => {
    const files = { 'tokenizer_config.json': { bos_token: '<new>', added_tokens_decoder: {} } };
    const { added_tokens, bos, vocab_size } = await load(base, files);
    expect(added_tokens).toEqual([
      expect.objectContaining({ content: '<new>', id: vocab_size - 1, special: true, normalized: false }),
    ]);
    expect(bos).toEqual([vocab_size - 1]);
  });

  it('name BOS where only special_tokens_map.json does', async () => {
    expect((await load(base, { 'special_tokens_map.json': { bos_token: '<s>' } })).bos).toEqual([1]);
  });

  it('are left alone where a tokenizer brings all of its own', async () => {
    const config = source('tokenizer_config.json', { bos_token: '<new>' });
    expect((await loadTokenizer(source('tokenizer.json', base), config)).added_tokens).toEqual([]);
  });
});
