import { describe, expect, it } from 'vitest';
import { sha256 } from '../formats/sha256.ts';
import { fingerprint } from './fingerprint.ts';

const file = (path: string, bytes: Uint8Array) => ({ path, blob: new Blob([bytes.slice()]) });
const large = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31) % 251);

describe('the fingerprint of files', () => {
  it('is SHA-256 over names, sizes and small files whole, by name, without their folders', async () => {
    const [one, two] = [new Uint8Array(300).fill(7), new Uint8Array(0)];
    const text = new TextEncoder().encode('a.json\n300\n');
    const next = new TextEncoder().encode('b.json\n0\n');
    const whole = sha256(Uint8Array.from([...text, ...one, ...next, ...two]));
    expect(await fingerprint([file('m/b.json', two), file('m/a.json', one)])).toBe(whole);
    expect(await fingerprint([file('a.json', one), file('b.json', two)])).toBe(whole);
  });

  it('reads of a large one its ends and sixteen stretches, in their order', async () => {
    const read: [number, number][] = [];
    const blob = new Blob([large]);
    const spy = Object.assign(Object.create(blob) as Blob, {
      slice(start: number, end: number) {
        read.push([start, end]);
        return blob.slice(start, end);
      },
    });
    Object.defineProperty(spy, 'size', { value: blob.size });
    const found = await fingerprint([{ path: 'w.bin', blob: spy }]);
    const stretches = read.map(([start, end]) => large.subarray(start, end));
    expect(read).toHaveLength(18);
    expect(read.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(2 * 65_536 + 16 * 4096);
    const all = [...new TextEncoder().encode('w.bin\n3000000\n'), ...stretches.flatMap((bytes) => [...bytes])];
    expect(found).toBe(sha256(Uint8Array.from(all)));
  });
});
