import { describe, expect, it } from 'vitest';
import type { FileReading } from '../../platform/read_file.ts';
import { diskTraffic } from '../../pulse/traffic.ts';
import { openWritten } from './written_files.ts';

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);

/** A handle of a file, and whether it was closed. */
function handleOf(bytes: Uint8Array, given = bytes.length): FileReading & { closed: number } {
  return {
    closed: 0,
    size: bytes.length,
    read(target, offset) {
      target.set(bytes.subarray(offset, Math.min(given, offset + target.length)));
      return Math.max(0, Math.min(given - offset, target.length));
    },
    close() {
      this.closed++;
    },
  };
}

async function opened(
  handle: FileReading | undefined,
  bytes = BYTES,
  path: string | undefined = 'exports/a/onnx/b.onnx',
) {
  const asked: string[] = [];
  const file = { name: 'onnx/b.onnx', file: new Blob([bytes.slice()]), ...(path && { path }) };
  const written = await openWritten([file], async (each) => {
    asked.push(each);
    return handle;
  });
  const source = written.sources.get('b.onnx');
  if (!source) throw new Error('The file is missing.');
  return { written, source, asked };
}

describe('written files', () => {
  it('are read by a handle where there is one, whole or into an array', async () => {
    const handle = handleOf(BYTES);
    const before = diskTraffic().files_read;
    const { written, source, asked } = await opened(handle);
    expect(asked).toEqual(['exports/a/onnx/b.onnx']);
    expect([source.name, source.size]).toEqual(['b.onnx', 100]);
    expect(await source.read(10, 5)).toEqual(BYTES.slice(10, 15));
    const target = new Uint8Array(4);
    source.fill?.(target, 96);
    expect(target).toEqual(BYTES.slice(96));
    expect(diskTraffic().files_read - before).toBe(9);
    written.close();
    expect(handle.closed).toBe(1);
  });

  it.each([
    ['no path', undefined, ''],
    ['no handle', undefined, 'exports/a/b.onnx'],
    ['another size', handleOf(BYTES.subarray(0, 50)), 'exports/a/b.onnx'],
  ])('are read as Blobs where there is %s', async (_, handle, path) => {
    const { written, source } = await opened(handle, BYTES, path);
    expect(source.fill).toBeUndefined();
    expect(await source.read(10, 5)).toEqual(BYTES.slice(10, 15));
    written.close();
    expect(handle?.closed ?? 1).toBe(1);
  });

  it('name what is not there, and a file that became shorter', async () => {
    const { source } = await opened(handleOf(BYTES));
    await expect(source.read(90, 11)).rejects.toMatchObject({ code: 'truncated_file', place: { file: 'b.onnx' } });
    await expect(source.read(-1, 2)).rejects.toMatchObject({ code: 'truncated_file' });
    const shorter = await opened(handleOf(BYTES, 60));
    await expect(shorter.source.read(50, 20)).rejects.toMatchObject({ code: 'file_changed' });
  });
});
