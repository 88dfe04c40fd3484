import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { memoryFiles } from '../../test/onnx/memory_files.ts';
import { writeFile } from './write_file.ts';

const chunks = [3, 0, 70_000].map((bytes, i) => new Uint8Array(bytes).fill(i + 1));
const sha256 = createHash('sha256').update(Buffer.concat(chunks)).digest('hex');

it('tells size and hash of what it wrote, from chunks or by a function', async () => {
  const files = memoryFiles();
  const told: number[] = [];
  const written = { bytes: 70_003, sha256 };
  expect(await writeFile(files.openFile, 'a', chunks, { onBytes: (bytes) => told.push(bytes) })).toEqual({
    name: 'a',
    ...written,
  });
  expect(told).toEqual([3, 0, 70_000]);
  const content = async (sink: { write(bytes: Uint8Array): Promise<void> }) => {
    for (const chunk of chunks) await sink.write(chunk);
  };
  expect(await writeFile(files.openFile, 'b', content)).toEqual({ name: 'b', ...written });
  expect(files.bytes('b')).toEqual(files.bytes('a'));
});

it('takes the hash of a sink that hashes, once it is closed', async () => {
  let isClosed = false;
  const sink = {
    write: async () => {},
    close: async () => {
      isClosed = true;
    },
    sha256: () => (isClosed ? 'of the sink' : ''),
  };
  expect((await writeFile(async () => sink, 'a', chunks)).sha256).toBe('of the sink');
});

it('closes the sink of a write that failed or was cancelled', async () => {
  const ends: string[] = [];
  const openFile = (write: () => Promise<void>) => async (name: string) => ({
    write,
    close: async () => void ends.push(name),
  });
  const full = async () => {
    throw new Error('full');
  };
  await expect(writeFile(openFile(full), 'full', chunks)).rejects.toThrow('full');
  const signal = AbortSignal.abort();
  await expect(
    writeFile(
      openFile(async () => {}),
      'cancelled',
      chunks,
      { signal },
    ),
  ).rejects.toMatchObject({
    code: 'cancelled',
  });
  expect(ends).toEqual(['full', 'cancelled']);
});
