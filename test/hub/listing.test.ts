import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isLicenceFile } from '../../src/formats/hf/licence_files.ts';
import { pickChoice } from '../../src/platform/hub/choices.ts';
import { listingUrl } from '../../src/platform/hub/endpoint.ts';
import { readListing } from '../../src/platform/hub/listing.ts';
import { lookUp } from '../../src/platform/hub/lookup.ts';
import { COMMIT, type HubServer, startHubServer } from './hub_server.ts';
import { caught, seededBytes, sha256Of, testOptions } from './support.ts';

const ID = 'someone/tiny';
const ENDPOINT = 'https://huggingface.co';

/** A listing as the Hub sends it; a size over 1000 makes a large file. */
function answer(files: Record<string, number>, change: object = {}): unknown {
  const siblings = Object.entries(files).map(([rfilename, size]) =>
    size > 1000
      ? { rfilename, size, blobId: '0'.repeat(40), lfs: { sha256: 'a'.repeat(64), size, pointerSize: 134 } }
      : { rfilename, size, blobId: 'b'.repeat(40) },
  );
  return { id: ID, sha: COMMIT, gated: false, siblings, ...change };
}

const SMALL = { 'config.json': 600, 'tokenizer.json': 900, 'README.md': 10 };
const choicesOf = (files: Record<string, number>) => readListing(answer(files), ENDPOINT, 'main').choices;
const paths = (choice: { files: { path: string }[] }) => choice.files.map(({ path }) => path);

describe('which files are chosen', () => {
  it('takes the config first, the weights last, and nothing that is not needed', () => {
    const [choice, ...others] = choicesOf({
      'model.safetensors': 9000,
      'onnx/model.onnx': 8000,
      'pytorch_model.bin': 7000,
      ...SMALL,
    });
    expect(others).toEqual([]);
    expect(choice).toMatchObject({ key: 'safetensors', bytes: 10_500, problem: undefined });
    expect(paths(choice)).toEqual(['config.json', 'tokenizer.json', 'model.safetensors']);
    expect(choice.files[0].git_sha1).toBe('b'.repeat(40));
    expect(choice.files[2].sha256).toBe('a'.repeat(64));
  });

  it('takes the terms of use, those that an opened folder keeps', () => {
    const names = ['LICENSE', 'LICENSE.txt', 'NOTICE', 'USE_POLICY.md', 'license.py', 'licensed.txt', 'README.md'];
    const others = Object.fromEntries(names.map((name) => [name, 1]));
    const [choice, gguf] = choicesOf({ ...SMALL, ...others, 'model.safetensors': 10, 'm.gguf': 10 });
    const kept = names.filter(isLicenceFile);
    expect(kept).toHaveLength(4);
    for (const each of [choice, gguf]) {
      expect(
        paths(each)
          .filter((path) => names.includes(path) && path !== 'README.md')
          .sort(),
      ).toEqual(kept.sort());
    }
  });

  it('takes shards with their index, and says when some are missing', () => {
    const shards = { 'model-00001-of-00002.safetensors': 5000, 'model-00002-of-00002.safetensors': 4000 };
    const [choice] = choicesOf({ ...SMALL, 'model.safetensors.index.json': 700, ...shards });
    expect(paths(choice).slice(2)).toEqual(['model.safetensors.index.json', ...Object.keys(shards)]);
    const [broken] = choicesOf({ ...SMALL, 'model-00002-of-00002.safetensors': 4000 });
    expect(broken.problem).toMatch(/1 of 2/);
  });

  it('offers every GGUF, small ones first and parts together, without what is not a model', () => {
    const parts = { 'big-00002-of-00002.gguf': 6000, 'big-00001-of-00002.gguf': 7000 };
    const choices = choicesOf({
      ...parts,
      'q8/m-Q8_0.gguf': 9000,
      'm-Q4_K_M.gguf': 5000,
      'mmproj-m.gguf': 2000,
      'cut-00002-of-00003.gguf': 99_999,
    });
    expect(choices.map(({ key }) => key)).toEqual([
      'm-Q4_K_M.gguf',
      'q8/m-Q8_0.gguf',
      'big-00001-of-00002.gguf',
      'cut-00002-of-00003.gguf',
    ]);
    expect(paths(choices[2])).toEqual(Object.keys(parts).reverse());
    expect(choices.map(({ problem }) => problem !== undefined)).toEqual([false, false, false, true]);
    expect(choices[3].problem).toMatch(/1 of 3 parts/);
    expect(pickChoice(choices, 'q4_k_m').key).toBe('m-Q4_K_M.gguf');
    expect(pickChoice(choices, 'q8/m-q8_0.gguf').key).toBe('q8/m-Q8_0.gguf');
    expect(pickChoice(choices, 'big').files).toHaveLength(2);
  });

  it('says before any download that a tokenizer is missing', async () => {
    const [choice] = choicesOf({ 'config.json': 600, 'model.safetensors': 9000 });
    expect(choice.problem).toMatch(/no tokenizer\.json/);
    expect(await caught(async () => pickChoice([choice]))).toMatchObject({ code: 'not_a_model' });
    const [parts] = choicesOf({ 'config.json': 600, 'vocab.json': 50, 'merges.txt': 40, 'model.safetensors': 9000 });
    expect(parts.problem).toBeUndefined();
  });

  it('refuses a repository with pickles only, and one with nothing', async () => {
    const pickles = await caught(async () => choicesOf({ ...SMALL, 'pytorch_model.bin': 9000 }));
    expect(pickles).toMatchObject({ code: 'not_a_model' });
    expect(pickles.message).toMatch(/pickle/);
    expect(await caught(async () => choicesOf({ 'README.md': 5 }))).toMatchObject({ code: 'not_a_model' });
  });

  it('asks which, where several could be meant', async () => {
    const choices = choicesOf({ 'a.gguf': 5000, 'b.gguf': 6000 });
    const error = await caught(async () => pickChoice(choices));
    expect(error).toMatchObject({ code: 'bad_option', allowed: 'a.gguf, b.gguf' });
    expect(await caught(async () => pickChoice(choices, 'c'))).toMatchObject({ code: 'bad_option' });
  });

  it('leaves out paths that could leave their folder, and files that nothing can check', () => {
    const choices = choicesOf({
      '../up.gguf': 5000,
      'a/../b.gguf': 5000,
      '/abs.gguf': 5000,
      'a\\b.gguf': 5000,
      'good.gguf': 5000,
    });
    expect(choices.map(({ key }) => key)).toEqual(['good.gguf']);
    const [unchecked] = readListing(
      { id: ID, sha: COMMIT, siblings: [{ rfilename: 'x.gguf', size: 5000 }] },
      ENDPOINT,
      'main',
    ).choices;
    expect(unchecked.problem).toMatch(/no size or SHA-256/);
  });
});

describe('an answer that makes no sense', () => {
  it.each([
    [null],
    ['text'],
    [answer(SMALL, { sha: 'main' })],
    [answer(SMALL, { id: '../../x' })],
    [answer({ 'model.safetensors': -1, ...SMALL })],
    [answer({ 'model.safetensors': 1e300, ...SMALL })],
    [answer(SMALL, { siblings: 'none' })],
  ])('%j', async (json) => {
    expect(await caught(async () => readListing(json, ENDPOINT, 'main'))).toMatchObject({ code: 'hub_failed' });
  });
});

describe('looking a model up', () => {
  let hub: HubServer;
  const look = (revision = 'main', change: Parameters<typeof testOptions>[0] = {}) => {
    const options = testOptions(change);
    return { waits: options.waits, result: lookUp(hub.endpoint, { id: ID, revision }, options, options.signal) };
  };

  beforeEach(async () => {
    const files = { 'config.json': '{}', 'tokenizer.json': '{"a":1}' };
    hub = await startHubServer(
      ID,
      new Map(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)])),
    );
    hub.files.set('model.safetensors', seededBytes(5000));
  });
  afterEach(async () => {
    vi.unstubAllGlobals();
    await hub.close();
  });

  it('gives commit, files, sizes and hashes with one request that carries nothing personal', async () => {
    const listing = await look('v1').result;
    expect(listing).toMatchObject({
      id: ID,
      revision: 'v1',
      commit: COMMIT,
      license: 'apache-2.0',
      architecture: 'LlamaForCausalLM',
    });
    expect(listing.choices[0].files.at(-1)).toEqual({
      path: 'model.safetensors',
      bytes: 5000,
      sha256: sha256Of(seededBytes(5000)),
    });
    expect(hub.requests.map(({ path }) => path)).toEqual([new URL(listingUrl(hub.endpoint, ID, 'v1')).pathname]);
    const { cookie, referer, authorization, origin } = hub.requests[0].headers;
    expect([cookie, referer, authorization, origin]).toEqual([undefined, undefined, undefined, undefined]);
  });

  it.each([
    ['a name that nobody has', 404, 'RepoNotFound', 'hub_not_found', /no public model someone\/tiny/],
    [
      'a name that nobody has, told as the Hub tells strangers',
      401,
      'RepoNotFound',
      'hub_not_found',
      /no public model/,
    ],
    ['a private model', 401, '', 'hub_login_needed', /private/],
    ['a gated model', 403, 'GatedRepo', 'hub_login_needed', /log in/],
    ['a revision that is not there', 404, 'RevisionNotFound', 'hub_not_found', /revision "main"/],
    ['a request that is refused', 400, '', 'hub_failed', /400/],
  ])('%s', async (_, status, header, code, message) => {
    hub.misbehave = (_, response) => {
      response.writeHead(status, header ? { 'X-Error-Code': header } : {}).end();
      return true;
    };
    const error = await caught(() => look().result);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(hub.requests).toHaveLength(1);
  });

  it('refuses a gated model before anything is downloaded', async () => {
    hub.info = { gated: 'manual' };
    expect(await caught(() => look().result)).toMatchObject({ code: 'hub_login_needed' });
  });

  it('tries again after a fault that passes, and waits longer each time', async () => {
    hub.misbehave = (_, response, count) => {
      if (count > 2) return false;
      response.writeHead(count === 1 ? 500 : 503).end();
      return true;
    };
    const { waits, result } = look();
    expect((await result).commit).toBe(COMMIT);
    expect(waits.ms).toEqual([1000, 2000]);
  });

  it('waits as long as the Hub asks, but not for minutes', async () => {
    let wait = '7';
    hub.misbehave = (_, response, count) => {
      if (count === 2) return false;
      response.writeHead(429, { 'Retry-After': wait }).end();
      return true;
    };
    const { waits, result } = look();
    await result;
    expect(waits.ms).toEqual([7000]);
    wait = '300';
    const error = await caught(() => look().result);
    expect(error).toMatchObject({ code: 'hub_rate_limited' });
    expect(error.action).toMatch(/300 s/);
  });

  it('gives up on a server that stays broken, and on none at all', async () => {
    hub.misbehave = (_, response) => {
      response.writeHead(502).end();
      return true;
    };
    expect(await caught(() => look().result)).toMatchObject({ code: 'hub_failed' });
    expect(hub.requests).toHaveLength(3);
    const refuse = () => Promise.reject(new TypeError('Failed to fetch'));
    expect(await caught(() => look('main', { fetch: refuse }).result)).toMatchObject({ code: 'hub_unreachable' });
    vi.stubGlobal('navigator', { onLine: false });
    const offline = await caught(() => look('main', { fetch: refuse }).result);
    expect(offline.message).toMatch(/offline/);
  });

  it('does not wait for ever for a server that says nothing', async () => {
    hub.misbehave = () => new Promise(() => {});
    const error = await caught(() => look('main', { stall_ms: 20 }).result);
    expect(error).toMatchObject({ code: 'hub_unreachable' });
    expect(error.message).toMatch(/sent nothing/);
  });

  it('refuses an answer that is no JSON, and one without end', async () => {
    hub.misbehave = (_, response) => {
      response.end('<!doctype html><title>Log in</title>');
      return true;
    };
    expect((await caught(() => look().result)).message).toMatch(/not the Hub's JSON.*doctype/);
    hub.misbehave = (_, response) => {
      const more = () => !response.destroyed && response.write('[0,'.repeat(100_000), more);
      more();
      return true;
    };
    expect((await caught(() => look().result)).message).toMatch(/longer than/);
  });

  it('stops at a cancel', async () => {
    const controller = new AbortController();
    hub.misbehave = () => new Promise(() => controller.abort());
    expect(await caught(() => look('main', { signal: controller.signal }).result)).toMatchObject({ code: 'cancelled' });
  });
});
