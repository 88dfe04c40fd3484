import { describe, expect, it } from 'vitest';
import { TINY_VOCAB_SIZE, tinyTokenizerJson } from '../../../test/fixtures/tiny_tokenizer.ts';
import { blobSource } from '../../formats/source.ts';
import { loadTokenizer } from '../../formats/tokenizer/tokenizer.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { OpenModel } from '../../models/open_model.ts';
import { ggufSource } from './gguf_source.ts';

const FILES = {
  'tokenizer.json': tinyTokenizerJson(),
  'tokenizer_config.json': { extra_special_tokens: ['<one>', '<two>'] },
};

/** The tokens of a GGUF file for a model that embeds one more than the vocabulary has. */
async function tokens(): Promise<unknown[]> {
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const tokenizer_files = Object.entries(FILES).map(([name, value]) => ({ name, bytes: bytes(value) }));
  const [json, config] = tokenizer_files.map((file) => blobSource(file.name, new Blob([file.bytes])));
  const tokenizer = await loadTokenizer(json, config, undefined, {});
  const open = { tokenizer_files, tokenizer, config: { vocab_size: TINY_VOCAB_SIZE + 1 } };
  const { tokenizer_json } = ggufSource(open as unknown as OpenModel, {} as DecoderModel);
  return (tokenizer_json.added_tokens as { content: string }[]).map(({ content }) => content);
}

describe('what a GGUF file is made from', () => {
  it('has the tokens of tokenizer_config.json that the model embeds', async () => {
    const own = tinyTokenizerJson().added_tokens.map(({ content }) => content);
    expect(await tokens()).toEqual([...own, '<one>']);
  });
});
