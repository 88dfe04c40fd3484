/** @file Files in memory, for tests of writers. */
import type { FileSink } from '../../src/formats/sink.ts';

export interface MemoryFiles {
  openFile(name: string): Promise<FileSink>;
  /** The bytes of a closed file. */
  bytes(name: string): Uint8Array<ArrayBuffer>;
  names(): string[];
  /** The longest single write, in bytes. */
  longestWrite(): number;
}

export function memoryFiles(): MemoryFiles {
  const files = new Map<string, { chunks: Uint8Array[]; closed: boolean }>();
  let longest = 0;
  return {
    async openFile(name) {
      const file = { chunks: [] as Uint8Array[], closed: false };
      files.set(name, file);
      return {
        async write(bytes) {
          if (file.closed) throw new Error(`${name} was written after it was closed.`);
          longest = Math.max(longest, bytes.byteLength);
          file.chunks.push(bytes.slice());
        },
        async close() {
          file.closed = true;
        },
      };
    },
    bytes(name) {
      const file = files.get(name);
      if (!file?.closed) throw new Error(`${name} is not there or not closed.`);
      return new Uint8Array(Buffer.concat(file.chunks));
    },
    names: () => [...files.keys()],
    longestWrite: () => longest,
  };
}
