/**
 * @file Whether two sets of files are the same model, without reading gigabytes: SHA-256 over the names and sizes of all files,
 * small ones whole, and of large ones the two ends and stretches in between.
 */
import { Sha256 } from '../formats/sha256.ts';
import type { ModelFile } from '../models/open_model.ts';

const WHOLE = 256 * 1024;
const END = 64 * 1024;
const STRETCHES = 16;
const STRETCH = 4096;

/** Folders do not count: the same files may be dropped alone. @returns 64 hexadecimal digits. */
export async function fingerprint(files: readonly ModelFile[]): Promise<string> {
  const hash = new Sha256();
  const text = new TextEncoder();
  const named = files.map(({ path, blob }) => ({ name: path.split('/').pop() as string, blob }));
  for (const { name, blob } of named.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))) {
    hash.update(text.encode(`${name}\n${blob.size}\n`));
    // Together: a read is a call to another process.
    const stretches = await Promise.all(ranges(blob.size).map(([start, end]) => blob.slice(start, end).arrayBuffer()));
    for (const bytes of stretches) hash.update(new Uint8Array(bytes));
  }
  return hash.digest();
}

function ranges(size: number): [number, number][] {
  if (size <= WHOLE) return [[0, size]];
  const between = Array.from({ length: STRETCHES }, (_, i): [number, number] => {
    const start = Math.floor(((i + 1) * size) / (STRETCHES + 1));
    return [start, Math.min(size, start + STRETCH)];
  });
  return [[0, END], ...between, [size - END, size]];
}
