import { describe, expect, it } from 'vitest';
import { tinyTokenizerJson } from '../../../test/fixtures/tiny_tokenizer.ts';
import type { RawConfig } from '../hf/config.ts';
import { blobSource } from '../source.ts';
import { loadTokenizer } from './tokenizer.ts';

async function notes(config: RawConfig): Promise<string> {
  const source = (name: string, value: unknown) => blobSource(name, new Blob([JSON.stringify(value)]));
  const tokenizer = await loadTokenizer(source('tokenizer.json', tinyTokenizerJson()), source('c.json', config));
  return (tokenizer.notes ?? []).join('\n');
}

describe('tokenizer_config.json', () => {
  it.each<[string, RawConfig]>([
    ['nothing', {}],
    ['the tokens of tokenizer.json', { added_tokens_decoder: { 0: { content: '<|endoftext|>', special: true } } }],
    ['its special tokens', { additional_special_tokens: ['<|endoftext|>'], extra_special_tokens: {} }],
    ['the same prefix', { tokenizer_class: 'GPT2Tokenizer', add_prefix_space: false }],
    ['a prefix that its class does not read', { tokenizer_class: 'PreTrainedTokenizerFast', add_prefix_space: true }],
  ])('says nothing with %s', async (_, config) => {
    expect(await notes(config)).toBe('');
  });

  it.each<[string, RawConfig, string]>([
    ['a prefix', { tokenizer_class: 'GPT2Tokenizer', add_prefix_space: true }, 'add_prefix_space true'],
  ])('is named where it asks for other %s', async (_, config, said) => {
    expect(await notes(config)).toContain(said);
  });
});
