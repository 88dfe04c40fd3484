import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { jsonBlob } from '../../../test/fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from '../../../test/fixtures/tiny_tokenizer.ts';
import { blobSource } from '../source.ts';
import { tokenizerFromVocabulary } from './from_vocabulary.ts';
import { loadTokenizer } from './tokenizer.ts';

const { vocab, merges } = tinyTokenizerJson().model;

const json = (name: string, value: object) => blobSource(name, jsonBlob(value));

interface OlderTokens {
  map?: object;
  added?: object;
}

async function build(settings?: object, config: object = {}, vocabulary: object = vocab, older: OlderTokens = {}) {
  const built = await tokenizerFromVocabulary({
    vocab: json('vocab.json', vocabulary),
    merges: blobSource('merges.txt', new Blob([`#version: 0.2\n${merges.join('\n')}\n`])),
    tokenizer_config: settings && json('tokenizer_config.json', settings),
    config: json('config.json', config),
    special_tokens_map: older.map && json('special_tokens_map.json', older.map),
    added_tokens: older.added && json('added_tokens.json', older.added),
  });
  const tokenizer = await loadTokenizer(built.tokenizer, settings && json('tokenizer_config.json', settings));
  return { ids: (text: string) => [...tokenizer.encode(text)], warnings: built.warnings };
}

const token = (content: string) => ({ __type: 'AddedToken', content, normalized: true });
const OPT = { bos_token: token('</s>'), eos_token: token('</s>'), unk_token: token('</s>'), pad_token: token('<pad>') };

// Ids: transformers 5.24, AutoTokenizer on folders with these files.
describe('vocab.json with merges.txt', () => {
  it('is OPT’s tokenizer, which puts BOS before a text', async () => {
    const { ids, warnings } = await build({ ...OPT, add_bos_token: true, tokenizer_class: 'GPT2Tokenizer' });
    expect(ids(' the</s><pad>')).toEqual([264, 259, 264, 265]);
    expect(warnings).toEqual([]);
  });

  it('is GPT-2’s by the family alone, with its one special token', async () => {
    const { ids } = await build(undefined, { model_type: 'gpt2' });
    expect(ids(' the<|endoftext|>')).toEqual([259, 0]);
  });

  it('heeds add_prefix_space and the class', async () => {
    expect((await build({ add_prefix_space: true }, { model_type: 'gpt2' })).ids('the')).toEqual([259]);
    const [gpt2, qwen2] = [
      await build(undefined, { model_type: 'gpt2' }),
      await build(undefined, { model_type: 'qwen2' }),
    ];
    expect(qwen2.ids('e\u0301')).toEqual(gpt2.ids('\u00e9'));
    expect(gpt2.ids('e\u0301')).not.toEqual(gpt2.ids('\u00e9'));
  });

  it.each<[string, object, OlderTokens]>([
    ['tokenizer_config.json', { additional_special_tokens: ['<tool>'] }, {}],
    ['special_tokens_map.json', {}, { map: { pad_token: '<tool>' } }],
    ['added_tokens.json', {}, { added: { '<tool>': 264 } }],
  ])('has the tokens of %s', async (_, settings, older) => {
    expect((await build(settings, { model_type: 'gpt2' }, vocab, older)).ids(' the<tool>')).toEqual([259, 264]);
  });

  it('has special tokens that take white space, but for Qwen 2’s, and cuts them where it is told to', async () => {
    const bos_token = { __type: 'AddedToken', content: '<s>', lstrip: true, rstrip: true };
    const ids = async (settings: object, model_type: string, text: string) =>
      (await build(settings, { model_type })).ids(text);
    expect(await ids({ bos_token }, 'gpt2', ' the <s> the')).toEqual([259, 264, 117, 258]);
    expect(await ids({ bos_token }, 'qwen3', ' the <s> the')).toEqual([259, 33, 264, 259]);
    expect(await ids({}, 'gpt2', ' the<|endoftext|>')).toEqual([259, 0]);
    expect(await ids({ split_special_tokens: true }, 'gpt2', ' the<|endoftext|>')).toHaveLength(14);
  });

  it('is Qwen 2’s own in a Qwen 2, whatever class is named', async () => {
    const { ids } = await build({ tokenizer_class: 'GPT2Tokenizer' }, { model_type: 'qwen2' });
    expect(ids('e\u0301')).toEqual(ids('\u00e9'));
  });

  it('is taken for GPT-2’s with a warning where nothing names a class', async () => {
    const { ids, warnings } = await build({ tokenizer_class: 'PreTrainedTokenizerFast' }, { model_type: 'llama' });
    expect(ids(' the')).toEqual([259]);
    expect(warnings[0]).toContain('built from vocab.json and merges.txt');
  });

  it('is refused for a class that cuts in a way of its own, saying how to make tokenizer.json', async () => {
    const refused = ['bad_tokenizer', 'vocab.json', 'not enough for BartTokenizer', 'save_pretrained'] as const;
    await expectBadInput(build({ tokenizer_class: 'BartTokenizerFast' }), ...refused);
    await expectBadInput(build({}, {}, { a: 0, b: 1 }), 'bad_tokenizer', 'not of bytes');
  });
});
