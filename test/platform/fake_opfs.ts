/**
 * @file An origin private file system in memory, for tests: it writes short, has a quota, and locks files as browsers do.
 */
import { vi } from 'vitest';

const SHORT_WRITE_BYTES = 1000;

interface FakeFile {
  bytes: Uint8Array<ArrayBuffer>;
  isLocked: boolean;
  flushes: number;
}

export interface FakeOpfs {
  /** Bytes that fit in all files together. */
  quota: number;
  /** Paths of all files. */
  paths(): string[];
  file(path: string): FakeFile;
  /** Ends every Web Lock, as closing all pages does. */
  endLocks(): void;
}

/** Installs the fake as `navigator` until `vi.unstubAllGlobals()`. */
export function installFakeOpfs(): FakeOpfs {
  const files = new Map<string, FakeFile>();
  const folders = new Set<string>(['']);
  const locks = new Set<string>();
  const fake: FakeOpfs = {
    quota: Number.POSITIVE_INFINITY,
    paths: () => [...files.keys()].sort(),
    file: (path) => files.get(path) ?? notFound(path),
    endLocks: () => locks.clear(),
  };
  const used = () => [...files.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);

  const openHandle = (file: FakeFile) => {
    if (file.isLocked) throw new DOMException('The file is locked.', 'NoModificationAllowedError');
    file.isLocked = true;
    return {
      write(bytes: Uint8Array, { at }: { at: number }) {
        const count = Math.min(bytes.byteLength, SHORT_WRITE_BYTES);
        const end = Math.max(file.bytes.byteLength, at + count);
        if (used() - file.bytes.byteLength + end > fake.quota) throw new DOMException('Full.', 'QuotaExceededError');
        const grown = new Uint8Array(end);
        grown.set(file.bytes);
        grown.set(bytes.subarray(0, count), at);
        file.bytes = grown;
        return count;
      },
      read(into: Uint8Array, { at }: { at: number }) {
        const part = file.bytes.subarray(at, at + Math.min(into.byteLength, SHORT_WRITE_BYTES));
        into.set(part);
        return part.byteLength;
      },
      truncate(size: number) {
        file.bytes = file.bytes.slice(0, size);
      },
      flush() {
        file.flushes++;
      },
      close() {
        file.isLocked = false;
      },
    };
  };

  const folder = (path: string): object => ({
    async getDirectoryHandle(name: string, options?: { create?: boolean }) {
      const child = `${path}/${name}`;
      if (options?.create) folders.add(child);
      return folders.has(child) ? folder(child) : notFound(child);
    },
    async getFileHandle(name: string, options?: { create?: boolean }) {
      const child = `${path}/${name}`;
      if (!files.has(child) && options?.create)
        files.set(child, { bytes: new Uint8Array(), isLocked: false, flushes: 0 });
      const file = files.get(child) ?? notFound(child);
      return {
        createSyncAccessHandle: async () => openHandle(file),
        getFile: async () => new File([file.bytes], name),
      };
    },
    async removeEntry(name: string) {
      const child = `${path}/${name}`;
      const inside = (candidate: string) => candidate === child || candidate.startsWith(`${child}/`);
      const gone = [...files.keys(), ...folders].filter(inside);
      if (gone.length === 0) notFound(child);
      if (gone.some((name) => files.get(name)?.isLocked))
        throw new DOMException('Locked.', 'NoModificationAllowedError');
      for (const name of gone) {
        files.delete(name);
        folders.delete(name);
      }
    },
    async *keys() {
      const depth = path.split('/').length;
      const children = [...files.keys(), ...folders].filter((candidate) => candidate.startsWith(`${path}/`));
      yield* new Set(children.map((child) => child.split('/')[depth]));
    },
  });

  const request = async (name: string, ...rest: unknown[]) => {
    const callback = rest.pop() as (lock: object | null) => unknown;
    const { ifAvailable } = (rest[0] ?? {}) as { ifAvailable?: boolean };
    if (locks.has(name)) return ifAvailable ? callback(null) : new Promise(() => {});
    locks.add(name);
    try {
      return await callback({ name });
    } finally {
      locks.delete(name);
    }
  };
  vi.stubGlobal('navigator', { storage: { getDirectory: async () => folder('') }, locks: { request } });
  return fake;
}

function notFound(path: string): never {
  throw new DOMException(`${path} is not there.`, 'NotFoundError');
}
