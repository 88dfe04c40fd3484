import { describe, expect, it } from 'vitest';
import { tinyTokenizerJson } from '../../test/fixtures/tiny_tokenizer.ts';
import { blobSource, jsonSource } from './source.ts';
import { loadTokenizer } from './tokenizer/tokenizer.ts';

const BYTES = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);

/** A Blob that counts the reads made of it. */
function counted(blob = new Blob([BYTES])) {
  const slices: [number, number][] = [];
  const spy = Object.assign(Object.create(blob) as Blob, {
    slice(start: number, end: number) {
      slices.push([start, end]);
      return blob.slice(start, end);
    },
  });
  Object.defineProperty(spy, 'size', { value: blob.size });
  return { source: blobSource('a file', spy), slices };
}

describe('reads of a file', () => {
  it('that are asked for together and lie side by side are made as one, in any order', async () => {
    const { source, slices } = counted();
    const asked = [
      [1000, 500],
      [0, 1000],
      [1600, 0],
      [1200, 900],
      [290_000, 10_000],
    ];
    const found = await Promise.all(asked.map(([offset, length]) => source.read(offset, length)));
    asked.forEach(([offset, length], i) => {
      expect(found[i]).toEqual(BYTES.subarray(offset, offset + length));
    });
    expect(slices).toEqual([
      [0, 2100],
      [290_000, 300_000],
    ]);
  });

  it('one after the other are made one by one', async () => {
    const { source, slices } = counted();
    await source.read(0, 10);
    await source.read(10, 10);
    expect(slices).toHaveLength(2);
  });

  it('never make a buffer of more than 32 MiB out of smaller ones', async () => {
    const mebibyte = 2 ** 20;
    const { source, slices } = counted(new Blob([new Uint8Array(40 * mebibyte)]));
    await Promise.all(Array.from({ length: 5 }, (_, i) => source.read(8 * i * mebibyte, 8 * mebibyte)));
    expect(slices).toEqual([
      [0, 32 * mebibyte],
      [32 * mebibyte, 40 * mebibyte],
    ]);
  });

  it('beyond the end are refused, and only they', async () => {
    const { source } = counted();
    const [good, bad] = await Promise.allSettled([source.read(0, 10), source.read(BYTES.length - 5, 10)]);
    expect(good.status).toBe('fulfilled');
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'truncated_file', place: { file: 'a file' } } });
  });

  it('of a file that has become shorter all fail', async () => {
    const blob = new Blob([BYTES]);
    const spy = Object.assign(Object.create(blob) as Blob, { slice: () => blob.slice(0, 3) });
    Object.defineProperty(spy, 'size', { value: blob.size });
    const source = blobSource('a file', spy);
    const reads = await Promise.allSettled([source.read(0, 10), source.read(10, 10)]);
    for (const read of reads) expect(read).toMatchObject({ status: 'rejected', reason: { code: 'file_changed' } });
  });
});

describe('a JSON file that is made here', () => {
  it('has its text once it is asked for, and is the same tokenizer before and after', async () => {
    const json = tinyTokenizerJson();
    const source = jsonSource('tokenizer.json', json);
    const before = await loadTokenizer(source);
    expect(source.made?.plain).toBe(json);
    const text = JSON.stringify(json);
    expect(source.size).toBe(new TextEncoder().encode(text).byteLength);
    expect(new TextDecoder().decode(await source.read(0, source.size))).toBe(text);
    expect(new TextDecoder().decode(await source.read(2, 7))).toBe(text.slice(2, 9));
    expect(source.made?.plain).toBeUndefined();
    const after = await loadTokenizer(source);
    expect(after.encode('the end of it')).toEqual(before.encode('the end of it'));
  });
});
