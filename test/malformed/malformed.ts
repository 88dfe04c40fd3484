/** @file What a malformed file is to a test: the files as dropped, and what has to be said of the one that is wrong. */
import type { ErrorCode } from '../../src/errors/errors.ts';
import type { ModelFile } from '../../src/formats/hf/files.ts';
import { jsonBlob, tinyLlama } from '../fixtures/tiny_llama.ts';

export interface Malformed {
  readonly what: string;
  readonly files: () => Promise<ModelFile[]>;
  readonly code: ErrorCode | readonly ErrorCode[];
  /** The file at fault. */
  readonly file: string;
  /** Field or tensor at fault, where the fault has such a place. */
  readonly where?: string;
  /** A piece of the sentence: what was found. */
  readonly found?: string;
}

/** A folder in which one file is replaced. */
export async function withFile(name: string, blob: Blob): Promise<ModelFile[]> {
  const files = await tinyLlama({ folder: '' });
  return [...files.filter(({ path }) => path !== name), { path: name, blob }];
}

export function withJson(name: string, value: unknown): Promise<ModelFile[]> {
  return withFile(name, jsonBlob(value));
}

/** A 32-bit generator (mulberry32): whole numbers below its argument. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What stands in the place of a file after a failed download. */
export const FOREIGN: readonly (readonly [what: string, content: BlobPart, found: string])[] = [
  ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5', 'Git LFS'],
  ['a web page', '<!DOCTYPE html><html><body>Sign in</body></html>', 'web page'],
  ['a zip archive (a pickle)', new Uint8Array([0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]), 'pickle'],
  ['a bare pickle', new Uint8Array([0x80, 2, 0x7d, 0x71, 0, 0x2e, 0, 0, 0, 0, 0, 0]), 'pickle'],
  ['a gzip archive', new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 'archive'],
];
