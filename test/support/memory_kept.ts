/** @file What outlives an engine, in memory: two engines that share it are one session before and after a reload. */
import type { KeptStore } from '../../src/engine/kept/kept_store.ts';
import { WhittleError } from '../../src/errors/errors.ts';
import type { ScratchSlot, ScratchStore } from '../../src/models/scratch.ts';
import type { MemoryPlatform } from './memory_platform.ts';

export interface MemoryKept extends KeptStore {
  readonly records: Map<string, string>;
  readonly files: Map<string, Uint8Array[]>;
  /** For `EnginePlatform.createScratch`. */
  createScratch(): Promise<ScratchStore>;
}

export function memoryKept(exports: () => MemoryPlatform): MemoryKept {
  const records = new Map<string, string>();
  const files = new Map<string, Uint8Array[]>();
  let serial = 0;
  const scratchOf = (file: string) => {
    const slotAt = (offset: number): ScratchSlot => {
      const bytes = () => {
        const found = files.get(file)?.[offset];
        if (!found) throw new WhittleError({ code: 'internal', message: `${file} is gone.` });
        return found;
      };
      return {
        bytes: bytes().byteLength,
        place: { file, offset, bytes: bytes().byteLength },
        read: async (start, length) => bytes().slice(start, start + length),
        write: async (values) => bytes().set(values),
      };
    };
    return {
      append: async (bytes: Uint8Array) => {
        const held = files.get(file) ?? [];
        files.set(file, held);
        return slotAt(held.push(bytes.slice()) - 1);
      },
      slot: ({ offset }: { offset: number }) => slotAt(offset),
      clear: async () => void files.delete(file),
    };
  };
  return {
    records,
    files,
    share: Infinity,
    enter: async () => {},
    createScratch: async () => scratchOf(`scratch-${serial++}`),
    write: async (name, text) => void records.set(name, text),
    read: async (name) => records.get(name),
    names: async () => [...records.keys()],
    remove: async (name) => void records.delete(name),
    async openScratch(file) {
      if (!files.has(file)) throw new WhittleError({ code: 'bad_session', message: `${file} is gone.` });
      return scratchOf(file);
    },
    async openExportFolder(path) {
      const { exports: made } = exports();
      if (!made.has(path)) throw new DOMException('Gone.', 'NotFoundError');
      return {
        path,
        create: () => Promise.reject(new Error('It is finished.')),
        file: async (name) => new Blob([made.get(path)?.get(name)?.slice() as Uint8Array<ArrayBuffer>]),
        list: async () => [...(made.get(path)?.keys() ?? [])].sort(),
        remove: async () => void made.delete(path),
      };
    },
    async sweep(kept, folders) {
      for (const file of [...files.keys()]) if (!kept.has(file)) files.delete(file);
      const { exports: made } = exports();
      for (const path of [...made.keys()]) if (!folders.has(path)) made.delete(path);
    },
  };
}
