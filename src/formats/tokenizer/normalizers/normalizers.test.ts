/** Normalizers one by one: what they make of a text, and how much of it still comes from its first character. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../json.ts';
import { Part } from '../parts.ts';
import { buildNormalizer } from './normalizers.ts';

const build = (options: Record<string, unknown>) =>
  buildNormalizer(
    new Part(parseJson(new TextEncoder().encode(JSON.stringify(options))) as never, 'normalizer', 'tokenizer.json'),
  );
const BERT = { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, lowercase: true };

describe('a normalizer', () => {
  it.each<[string, Record<string, unknown>, string, string]>([
    ['cleans as BERT does', BERT, 'a\u0000b\ufffdc\u0007d\te\n', 'abcd e '],
    ['leaves what is not cleaned', { ...BERT, clean_text: false }, 'a\tb\ufffd', 'a\tb\ufffd'],
    ['puts spaces around Chinese characters', BERT, 'a漢字b', 'a 漢  字 b'],
    ['or none', { ...BERT, handle_chinese_chars: false }, '漢字', '漢字'],
    ['takes accents where it takes capitals', BERT, 'Éa', 'ea'],
    ['keeps both', { ...BERT, lowercase: false }, 'Éa', 'Éa'],
    ['takes accents alone', { ...BERT, lowercase: false, strip_accents: true }, 'Éa', 'Ea'],
    ['takes capitals alone', { ...BERT, strip_accents: false }, 'Éa', 'éa'],
    ['strips both ends', { type: 'Strip', strip_left: true, strip_right: true }, ' \ta b \n', 'a b'],
    ['strips the start', { type: 'Strip', strip_left: true, strip_right: false }, ' a ', 'a '],
    ['strips the end', { type: 'Strip', strip_left: false, strip_right: true }, ' a ', ' a'],
    ['strips all of a text of spaces', { type: 'Strip', strip_left: true, strip_right: true }, '  ', ''],
  ])('%s', (_, options, text, wanted) => {
    expect(build(options)({ text, lead: 0 }).text).toBe(wanted);
  });

  it('that strips takes the first character with its spaces', () => {
    const strip = build({ type: 'Strip', strip_left: true, strip_right: true });
    expect(strip({ text: '  ab', lead: 3 })).toEqual({ text: 'ab', lead: 1 });
    expect(strip({ text: '  ab', lead: 1 })).toEqual({ text: 'ab', lead: 0 });
    expect(strip({ text: 'ab ', lead: 1 })).toEqual({ text: 'ab', lead: 1 });
  });
});

describe("SentencePiece's nmt_nfkc_cf", () => {
  const FILE = new URL('../../../../test/fixtures/tokenizers.json.gz', import.meta.url);
  const { cases } = JSON.parse(gunzipSync(readFileSync(FILE)).toString());
  const normalizer = build(
    cases.find(({ name }: { name: string }) => name === 'normalizer Precompiled nmt_nfkc_cf').tokenizer.normalizer,
  );

  // A carriage return and a line feed are one grapheme, which the Rust library replaces as one.
  it.each([
    ['a\r\n', 'a '],
    ['中\r\n', '中 '],
    ['б\r\n\r\nб', 'б  б'],
    ['\u0600\r\nб', '\u0600 б'],
    ['中\r\n\n\u0323σ', '中  \u0323σ'],
    ['中\r\u0301\n', '中 \u0301 '],
  ])('makes of %j what the Rust library makes', (text, wanted) => {
    expect(normalizer({ text, lead: 0 }).text).toBe(wanted);
  });
});
