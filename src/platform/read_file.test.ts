import { afterEach, describe, expect, it, vi } from 'vitest';
import { removeWhenFree } from './opfs.ts';
import { openForReading } from './read_file.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** A storage of one file, whose handle is of some mode. */
function storageOf(mode: string | undefined) {
  const handle = { mode, getSize: () => 3, read: () => 3, close: vi.fn() };
  const createSyncAccessHandle = vi.fn(async () => handle);
  const folder = {
    getDirectoryHandle: async () => folder,
    getFileHandle: async (name: string) => {
      if (name !== 'b.onnx') throw new DOMException('There is no such file.', 'NotFoundError');
      return { createSyncAccessHandle };
    },
  };
  vi.stubGlobal('navigator', { storage: { getDirectory: async () => folder } });
  return { handle, createSyncAccessHandle };
}

describe('a file opened for reading', () => {
  it('may be read by several: it is opened in that mode', async () => {
    const { handle, createSyncAccessHandle } = storageOf('read-only');
    const reading = await openForReading('exports/a/b.onnx');
    expect(createSyncAccessHandle).toHaveBeenCalledWith({ mode: 'read-only' });
    expect([reading?.size, reading?.read(new Uint8Array(3), 0)]).toEqual([3, 3]);
    reading?.close();
    expect(handle.close).toHaveBeenCalledTimes(1);
  });

  it('is not where the browser would lock it for one: the handle is given back', async () => {
    const { handle } = storageOf(undefined);
    expect(await openForReading('exports/a/b.onnx')).toBeUndefined();
    expect(handle.close).toHaveBeenCalledTimes(1);
  });

  it('is not where there is no such file, or no storage', async () => {
    storageOf('read-only');
    expect(await openForReading('exports/a/c.onnx')).toBeUndefined();
    vi.unstubAllGlobals();
    expect(await openForReading('exports/a/b.onnx')).toBeUndefined();
  });
});

describe('a folder that a Worker may still have open', () => {
  const locked = () => new DOMException('It is locked.', 'NoModificationAllowedError');
  const folderOf = (removeEntry: () => Promise<void>) => ({ removeEntry }) as unknown as FileSystemDirectoryHandle;

  it('is removed as soon as the lock is gone', async () => {
    let left = 3;
    const removeEntry = vi.fn(async () => {
      if (left-- > 0) throw locked();
    });
    await removeWhenFree(folderOf(removeEntry), 'a');
    expect(removeEntry).toHaveBeenCalledTimes(4);
  });

  it('is given up after some seconds, and at once for another reason', async () => {
    vi.useFakeTimers();
    const removal = removeWhenFree(
      folderOf(async () => Promise.reject(locked())),
      'a',
    );
    const told = expect(removal).rejects.toMatchObject({ name: 'NoModificationAllowedError' });
    await vi.advanceTimersByTimeAsync(10_000);
    await told;
    const other = vi.fn(async () => Promise.reject(new DOMException('No.', 'SecurityError')));
    await expect(removeWhenFree(folderOf(other), 'a')).rejects.toMatchObject({ name: 'SecurityError' });
    expect(other).toHaveBeenCalledTimes(1);
  });
});
