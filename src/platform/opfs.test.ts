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

it('holds the handle of a file until it is open: a browser that collects it before never answers', async () => {
  let answer = (_: FileSystemSyncAccessHandle) => {};
  let file: WeakRef<FileSystemFileHandle> | undefined;
  const folder = {
    async getFileHandle() {
      const opened = new Promise<FileSystemSyncAccessHandle>((resolve) => (answer = resolve));
      const handle = { createSyncAccessHandle: () => opened } as unknown as FileSystemFileHandle;
      file = new WeakRef(handle);
      return handle;
    },
  } as unknown as FileSystemDirectoryHandle;
  const open = {} as FileSystemSyncAccessHandle;
  const found = openForWriting(folder, 'a.bin');
  await collect();
  expect(file?.deref()).toBeDefined();
  await collect();
  answer(open);
  expect(await found).toBe(open);
  await collect();
  expect(file?.deref()).toBeUndefined();
});
