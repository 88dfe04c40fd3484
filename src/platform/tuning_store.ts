/** @file Small texts that are kept between visits, by name: one OPFS file each. For dedicated Workers. */
import { isNamed } from './named.ts';
import { hasOpfs, openFolder, openForWriting, writeFully } from './opfs.ts';

const FOLDER = 'tuning';

export const tuningStore = {
  async get(name: string): Promise<string | undefined> {
    if (!hasOpfs()) return undefined;
    try {
      const folder = await openFolder(FOLDER);
      const file = await folder.getFileHandle(fileName(name));
      return await (await file.getFile()).text();
    } catch (thrown) {
      if (isNamed(thrown, 'NotFoundError')) return undefined;
      throw thrown;
    }
  },

  async set(name: string, text: string): Promise<void> {
    if (!hasOpfs()) return;
    const handle = await openForWriting(await openFolder(FOLDER, true), fileName(name));
    try {
      const bytes = new TextEncoder().encode(text);
      handle.truncate(bytes.byteLength);
      writeFully(handle, bytes, 0, name);
      handle.flush();
    } finally {
      handle.close();
    }
  },
};

/** Names of adapters and browsers hold characters that file names may not. */
function fileName(name: string): string {
  return `${encodeURIComponent(name).replaceAll('*', '%2A').slice(-200)}.json`;
}
