import { describe, expect, it } from 'vitest';
import { checkEndpoint, fileUrl, HUB_ENDPOINT, listingUrl, pageEndpoint } from '../../src/platform/hub/endpoint.ts';
import { parseHubReference } from '../../src/platform/hub/reference.ts';
import { caught } from './support.ts';

describe('the name of a model', () => {
  const parse = (text: string) => parseHubReference(text, HUB_ENDPOINT);

  it.each([
    ['HuggingFaceTB/SmolLM2-135M', 'HuggingFaceTB/SmolLM2-135M', 'main'],
    ['  gpt2 ', 'gpt2', 'main'],
    ['hf:openai-community/gpt2@v1.0', 'openai-community/gpt2', 'v1.0'],
    ['a/b@refs/pr/1', 'a/b', 'refs/pr/1'],
    ['https://huggingface.co/a/b.c_d', 'a/b.c_d', 'main'],
    ['huggingface.co/a/b/', 'a/b', 'main'],
    ['https://hf.co/a/b/tree/refs%2Fpr%2F1', 'a/b', 'refs/pr/1'],
    ['https://huggingface.co/a/b/tree/dev?x=1#readme', 'a/b', 'dev'],
    ['https://huggingface.co/gpt2/blob/main/config.json', 'gpt2', 'main'],
  ])('%s', (text, id, revision) => {
    expect(parse(text)).toMatchObject({ id, revision, file: undefined });
  });

  it('may name the weights', () => {
    expect(parse('a/b:Q4_K_M')).toEqual({ id: 'a/b', revision: 'main', file: 'Q4_K_M' });
    expect(parse('a/b@v1:x/y.gguf')).toEqual({ id: 'a/b', revision: 'v1', file: 'x/y.gguf' });
    expect(parse('https://huggingface.co/a/b/resolve/main/x.gguf?download=true').file).toBe('x.gguf');
  });

  it.each([
    ['', /No model/],
    ['a/b/c', /not the name/],
    ['../etc/passwd', /not the name/],
    ['a/..', /not the name/],
    ['a b/c', /not the name/],
    ['a/b@../../x', /not a revision/],
    ['a/b@', /not a revision/],
    ['https://example.com/a/b', /example\.com/],
    ['https://huggingface.co/datasets/a/b', /datasets/],
    ['https://huggingface.co/', /not the name/],
    ['x'.repeat(501), /501 characters/],
  ])('is refused: %s', async (text, message) => {
    const error = await caught(async () => parse(text));
    expect(error.code).toBe('bad_option');
    expect(error.message).toMatch(message);
  });
});

describe('the endpoint', () => {
  it('is the Hub unless the page was served with another', () => {
    const page = (content: string | null) =>
      ({ querySelector: () => content && { getAttribute: () => content } }) as never;
    expect(pageEndpoint(page(null))).toBe('https://huggingface.co');
    expect(pageEndpoint(page('https://mirror.example/hf/'))).toBe('https://mirror.example/hf');
  });

  it.each(['mirror', 'http://mirror.example', 'ftp://localhost', 'https://a.example/?next=b', 'https://u:p@a.example'])(
    'is refused: %s',
    async (text) => expect((await caught(async () => checkEndpoint(text))).code).toBe('bad_option'),
  );

  it('keeps what a person or a repository named inside its place in the address', () => {
    expect(listingUrl(HUB_ENDPOINT, 'a/b', 'refs/pr/1')).toBe(
      'https://huggingface.co/api/models/a/b/revision/refs%2Fpr%2F1?blobs=true',
    );
    expect(fileUrl(HUB_ENDPOINT, 'a/b', 'c0', 'x y/z?.gguf')).toBe(
      'https://huggingface.co/a/b/resolve/c0/x%20y/z%3F.gguf',
    );
  });
});
