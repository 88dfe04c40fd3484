import { expect, it } from 'vitest';
import { cacheKey, isKeepable, strategyFor } from './strategy.ts';

const SCOPE = 'https://example.org/whittle/';
const asked = (path: string, more = {}) => ({
  url: new URL(path, SCOPE).href,
  method: 'GET',
  isPage: false,
  isPart: false,
  ...more,
});

it.each([
  ['assets/worker-B3yW2k1a.js', 'kept'],
  ['assets/ort-wasm-simd-threaded.jsep-B0T3yYHD.wasm', 'kept'],
  ['assets/verify_worker-D-_x9aZ1.js', 'kept'],
  ['index.html', 'installed'],
  ['demo/model.safetensors', 'installed'],
  ['assets/notes.txt', 'installed'],
  ['../other/', 'none'],
  ['https://huggingface.co/assets/a-B3yW2k1a.js', 'none'],
])('%s is answered %s', (path, strategy) => {
  expect(strategyFor(asked(path), SCOPE)).toBe(strategy);
});

it('takes pages from the network first', () => {
  for (const path of ['', 'index.html', '?x=1']) {
    expect(strategyFor(asked(path, { isPage: true }), SCOPE)).toBe('fresh');
  }
  expect(strategyFor(asked('https://example.com/', { isPage: true }), SCOPE)).toBe('none');
});

it('leaves other methods and parts of files to the browser', () => {
  expect(strategyFor(asked('index.html', { method: 'POST' }), SCOPE)).toBe('none');
  expect(strategyFor(asked('demo/model.safetensors', { isPart: true }), SCOPE)).toBe('none');
});

it('knows the page by both names, whatever stands behind the question mark', () => {
  expect(cacheKey(`${SCOPE}?x=1#a`, SCOPE)).toBe(`${SCOPE}index.html`);
  expect(cacheKey(`${SCOPE}index.html`, SCOPE)).toBe(`${SCOPE}index.html`);
  expect(cacheKey(`${SCOPE}demo/a.txt?b`, SCOPE)).toBe(`${SCOPE}demo/a.txt`);
});

it('keeps whole files of this site only', () => {
  const good = { status: 200, type: 'basic', redirected: false };
  expect(isKeepable(good)).toBe(true);
  for (const bad of [{ status: 206 }, { status: 404 }, { type: 'opaque' }, { redirected: true }]) {
    expect(isKeepable({ ...good, ...bad })).toBe(false);
  }
});
