/** @file The checkpoint of one training, in memory. */
import type { CheckpointStore } from '../../src/compress/train/checkpoint.ts';

export function memoryCheckpoint(): CheckpointStore & { kept?: Uint8Array | undefined } {
  return {
    async read() {
      const { kept } = this;
      return kept && { bytes: kept.byteLength, read: async (from, length) => kept.slice(from, from + length) };
    },
    async write(parts) {
      const all: Uint8Array[] = [];
      for await (const part of parts) all.push(part.slice());
      const kept = new Uint8Array(all.reduce((sum, { byteLength }) => sum + byteLength, 0));
      let at = 0;
      for (const part of all) {
        kept.set(part, at);
        at += part.byteLength;
      }
      this.kept = kept;
    },
    async remove() {
      this.kept = undefined;
    },
  };
}
