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
  /** As a private window of Chromium tells a full storage: `write` returns −8 as an unsigned number, `truncate` does nothing. */
  isPrivate: boolean;
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
  /** How many hold each lock; an exclusive one is held once. */
  const locks = new Map<string, { mode: string; count: number }>();
  const fake: FakeOpfs = {
    quota: Number.POSITIVE_INFINITY,
    isPrivate: false,
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
        if (used() - file.bytes.byteLength + end > fake.quota) {
          if (fake.isPrivate) return 2 ** 32 - 8;
          throw new DOMException('Full.', 'QuotaExceededError');
        }
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
      getSize: () => file.bytes.byteLength,
      truncate(size: number) {
        if (used() - file.bytes.byteLength + size > fake.quota) {
          if (fake.isPrivate) return;
          throw new DOMException('Full.', 'QuotaExceededError');
        }
        const resized = new Uint8Array(size);
        resized.set(file.bytes.subarray(0, size));
        file.bytes = resized;
      },
      flush() {
        file.flushes++;
      },
      close() {
        file.isLocked = false;
      },
    };
  };

  const children = (path: string): Set<string> => {
    const depth = path.split('/').length;
    const inside = [...files.keys(), ...folders].filter((candidate) => candidate.startsWith(`${path}/`));
    return new Set(inside.map((child) => child.split('/')[depth]));
  };

  /** What is written shows only once the stream is closed, as in a browser. */
  const writableTo = (file: FakeFile) => {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    return new WritableStream<Uint8Array<ArrayBuffer>>({
      write(chunk) {
        const grown = chunks.reduce((sum, { byteLength }) => sum + byteLength, chunk.byteLength);
        if (used() + grown > fake.quota) throw new DOMException('Full.', 'QuotaExceededError');
        chunks.push(chunk.slice());
      },
      async close() {
        file.bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
      },
    });
  };

  const folder = (path: string): object => ({
    kind: 'directory',
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
        kind: 'file',
        createSyncAccessHandle: async () => openHandle(file),
        getFile: async () => new File([file.bytes], name),
        createWritable: async () => writableTo(file),
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
      yield* children(path);
    },
    async *entries() {
      for (const name of children(path)) {
        const child = `${path}/${name}`;
        yield [name, files.has(child) ? { kind: 'file' } : folder(child)];
      }
    },
  });

  const request = async (name: string, ...rest: unknown[]) => {
    const callback = rest.pop() as (lock: object | null) => unknown;
    const { ifAvailable, mode = 'exclusive' } = (rest[0] ?? {}) as { ifAvailable?: boolean; mode?: string };
    const held = locks.get(name);
    if (held && !(held.mode === 'shared' && mode === 'shared')) {
      return ifAvailable ? callback(null) : new Promise(() => {});
    }
    locks.set(name, { mode, count: (held?.count ?? 0) + 1 });
    try {
      return await callback({ name });
    } finally {
      const left = (locks.get(name)?.count ?? 1) - 1;
      if (left > 0) locks.set(name, { mode, count: left });
      else locks.delete(name);
    }
  };
  // As Chromium has it: 10 GiB are left always.
  const estimate = async () => ({ quota: used() + 10 * 2 ** 30, usage: used() });
  vi.stubGlobal('navigator', { storage: { getDirectory: async () => folder(''), estimate }, locks: { request } });
  return fake;
}

function notFound(path: string): never {
  throw new DOMException(`${path} is not there.`, 'NotFoundError');
}
