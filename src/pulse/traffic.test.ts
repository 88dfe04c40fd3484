import { describe, expect, it } from 'vitest';
import { blobSource } from '../formats/source.ts';
import { diskTraffic } from './traffic.ts';

describe('disk traffic', () => {
  it('counts what a source reads, reads that are made as one with what lies between', async () => {
    const source = blobSource('weights', new Blob([new Uint8Array(1000)]));
    const before = diskTraffic();
    await source.read(0, 10);
    await Promise.all([source.read(100, 50), source.read(200, 50)]);
    expect(diskTraffic(before)).toEqual({
      ...{ files_read: 10 + 150, scratch_read: 0, scratch_written: 0, exports_written: 0 },
    });
  });
});
