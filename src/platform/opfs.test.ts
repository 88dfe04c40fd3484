import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { openForWriting } from './opfs.ts';

/** Collects all that nothing holds. */
async function collect(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  // What a WeakRef gave lives to the end of the task.
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve));
    gc();
  }
}

/** @param opened What opening a file gives. */
function folderOf(opened: () => Promise<FileSystemSyncAccessHandle>) {
  let file: WeakRef<FileSystemFileHandle> | undefined;
  const folder = {
    async getFileHandle() {
      const handle = { createSyncAccessHandle: opened } as unknown as FileSystemFileHandle;
      file = new WeakRef(handle);
      return handle;
    },
  } as unknown as FileSystemDirectoryHandle;
  return { folder, file: () => file?.deref() };
}

it('holds the handle of a file until it is open: a browser that collects it before never answers', async () => {
  // As in a browser, nothing but the promise itself holds who waits for it.
  const { folder, file } = folderOf(() => new Promise(() => {}));
  void openForWriting(folder, 'a.bin');
  await collect();
  expect(file()).toBeDefined();
});

it('lets go of it then', async () => {
  const open = {} as FileSystemSyncAccessHandle;
  const { folder, file } = folderOf(async () => open);
  expect(await openForWriting(folder, 'a.bin')).toBe(open);
  await collect();
  expect(file()).toBeUndefined();
});
