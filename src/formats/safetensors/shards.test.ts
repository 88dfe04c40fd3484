import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { jsonBlob, safetensorsBlob } from '../../../test/fixtures/tiny_llama.ts';
import type { ErrorCode } from '../../errors/errors.ts';
import { openModelFiles } from '../hf/files.ts';

const weights = (...names: string[]) =>
  safetensorsBlob(names.map((name) => ({ name, dtype: 'F32', shape: [2], values: new Float32Array(2) })));

const A = 'model-00001-of-00002.safetensors';
const B = 'model-00002-of-00002.safetensors';
const INDEX = 'model.safetensors.index.json';
const map = (weight_map: unknown, total_size = 24) => jsonBlob({ metadata: { total_size }, weight_map });

/** A good drop of two shards: A holds a1 and a2, B holds b. `changes` replaces files; null removes one. */
async function openShards(changes: Record<string, Blob | null> = {}) {
  const files: Record<string, Blob | null> = {
    'config.json': jsonBlob({}),
    'tokenizer.json': jsonBlob({}),
    [A]: await weights('a1', 'a2'),
    [B]: await weights('b'),
    [INDEX]: map({ a1: A, a2: A, b: B }),
    ...changes,
  };
  return openModelFiles(Object.entries(files).flatMap(([path, blob]) => (blob ? [{ path, blob }] : [])));
}

type Case = [
  what: string,
  changes: () => Record<string, Blob | null> | Promise<Record<string, Blob | null>>,
  ErrorCode,
  ...string[],
];

const unsafe = (name: string): Case => [
  `the shard name ${JSON.stringify(name)} [29]`,
  () => ({ [INDEX]: map({ a1: name }) }),
  'bad_shard_index',
  'Unsafe shard name',
  JSON.stringify(name),
];

const CASES: Case[] = [
  [
    'an index without weight_map [27]',
    () => ({ [INDEX]: jsonBlob({ metadata: {} }) }),
    'bad_shard_index',
    'no weight_map',
  ],
  ['an index that is a list [27]', () => ({ [INDEX]: jsonBlob([]) }), 'bad_shard_index', 'no weight_map'],
  ['a weight_map that is a list [27]', () => ({ [INDEX]: map([A]) }), 'bad_shard_index', 'no weight_map'],
  [
    'an index that is not JSON [27]',
    () => ({ [INDEX]: new Blob(['{"weight_map":']) }),
    'bad_shard_index',
    'not JSON',
    'byte 14',
  ],
  ['an index that is a web page', () => ({ [INDEX]: new Blob(['<html>']) }), 'not_a_model', 'web page', INDEX],
  ['a file name that is a number', () => ({ [INDEX]: map({ a1: 1 }) }), 'bad_shard_index', 'no file name for "a1"'],
  [
    'a tensor listed twice',
    () => ({ [INDEX]: new Blob([`{"weight_map":{"a1":"${A}","a1":"${B}"}}`]) }),
    'bad_shard_index',
    '"a1" twice',
  ],
  ['a missing shard [28]', () => ({ [B]: null }), 'missing_shard', '1 of 2 weight files is missing', B],
  ['all shards missing [28]', () => ({ [A]: null, [B]: null }), 'missing_shard', A, B],
  ['a missing shard without an index [28]', () => ({ [INDEX]: null, [A]: null }), 'missing_shard', A],
  ...['../up.safetensors', 'sub/x.safetensors', 'c\\x.safetensors', 'http://x', 'a\0b', ''].map(unsafe),
  [
    'a tensor in two shards [31]',
    async () => ({ [B]: await weights('b', 'a1') }),
    'bad_shard_index',
    '"a1" is in both',
    A,
    B,
  ],
  [
    'a tensor in two shards without an index [31]',
    async () => ({ [INDEX]: null, [B]: await weights('a1') }),
    'bad_shard_index',
    'in both',
  ],
  [
    'more than 10,000 shards [34]',
    () => ({ [INDEX]: map(Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`t${i}`, `s${i}`]))) }),
    'bad_shard_index',
    '10001 shards',
    '10000',
  ],
  [
    'an index over 100 MB [34]',
    () => ({ [INDEX]: new Blob(Array(101).fill(new Uint8Array(1_000_000))) }),
    'bad_shard_index',
    '101000000 bytes',
  ],
  ['a shard that is cut off', async () => ({ [B]: (await weights('b')).slice(0, -1) }), 'truncated_file', B, 'ends at'],
  [
    'a shard that is a Git LFS pointer',
    () => ({ [B]: new Blob(['version https://git-lfs.github.com/spec/v1\n']) }),
    'not_a_model',
    'Git LFS',
    B,
  ],
  [
    'two indexes',
    () => ({ 'other.safetensors.index.json': map({}) }),
    'not_a_model',
    'Several files could hold the weights',
    INDEX,
  ],
];

describe('shards', () => {
  it.each(CASES)('refuses %s', async (_, changes, code, ...fragments) => {
    await expectBadInput(openShards(await changes()), code, ...fragments);
  });

  it('opens good shards without a warning', async () => {
    const { checkpoint, warnings } = await openShards();
    expect([...checkpoint.tensors].map(([name, { file }]) => [name, file])).toEqual([
      ['a1', A],
      ['a2', A],
      ['b', B],
    ]);
    expect(warnings).toEqual([]);
  });

  it('goes by the files where the index differs, and says so with both names [30, 31]', async () => {
    const absent = await openShards({ [INDEX]: map({ a1: A, a2: A, b: B, c: B }) });
    expect(absent.warnings.join()).toContain(`lists tensors that no shard holds: c (${B})`);
    expect(absent.checkpoint.absent).toEqual(new Map([['c', { shard: B, index: INDEX }]]));
    const moved = await openShards({ [INDEX]: map({ a1: A, a2: B, b: B }) });
    expect(moved.warnings.join()).toContain(`a2 (in ${A}, not ${B})`);
    expect(moved.checkpoint.tensors.get('a2')?.file).toBe(A);
    const unlisted = await openShards({ [B]: await weights('b', 'c') });
    expect(unlisted.warnings.join()).toContain('does not list tensors that the shards hold: c');
    expect(unlisted.checkpoint.tensors.get('c')?.file).toBe(B);
  });

  it('warns of a total_size that is not the sum, with both numbers [32]', async () => {
    const { warnings } = await openShards({ [INDEX]: map({ a1: A, a2: A, b: B }, 999) });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/999 bytes.*24/);
  });

  it('opens complete shards without an index, and says so', async () => {
    const { checkpoint, warnings } = await openShards({ [INDEX]: null });
    expect([...checkpoint.tensors.keys()]).toEqual(['a1', 'a2', 'b']);
    expect(warnings.join()).toContain('no index');
  });

  it('prefers model.safetensors and names what it did not use', async () => {
    const { weights: used, warnings } = await openShards({ 'model.safetensors': await weights('whole') });
    expect(used.map(({ name }) => name)).toEqual(['model.safetensors']);
    expect(warnings.join()).toContain(A);
  });
});

it('takes a tensor from the shard that holds it, and says where the index is wrong', async () => {
  const { warnings } = await openShards({ [INDEX]: map({ a1: A, a2: B, b: B, c: A }) });
  expect(warnings.find((warning) => warning.includes('other shards'))).toContain(`a2 (in ${A}, not ${B})`);
  expect(warnings.find((warning) => warning.includes('that no shard holds'))).toContain(`c (${A})`);
  expect((await openShards()).warnings).toEqual([]);
});
