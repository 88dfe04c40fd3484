/**
 * @file Source code: Whittle's own, as it is when the app is built. TypeScript, WGSL and Python take turns. A file belongs to one
 * part by the hash of its path, so that the parts share none and a new file moves no other.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrownSplit } from '../brown.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LANGUAGES = [
  { folder: 'src', ending: /(?<!\.test|\.d)\.tsx?$/ },
  { folder: 'shaders', ending: /\.wgsl$/ },
  { folder: 'tools', ending: /\.py$/ },
];
/** Longer files end at a line below it: many files are seen, none has too much weight. */
const MOST = 6_000;

/** Paths of a part's files, from the root, in the order of the text. */
export function codeFiles(split: BrownSplit, root = ROOT): string[] {
  const columns = LANGUAGES.map(({ folder, ending }) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((path) => ending.test(path))
      .map((path) => ({ path, key: createHash('sha256').update(path).digest('hex') }))
      .filter(({ key }) => (Number.parseInt(key[0], 16) % 2 === 0) === (split === 'calibration'))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ path }) => path),
  );
  const most = Math.max(...columns.map((paths) => paths.length));
  return Array.from({ length: most }, (_, i) => columns.flatMap((paths) => paths[i] ?? [])).flat();
}

/** @param bytes Enough files for so many are read. */
export function codeText(split: BrownSplit, bytes: number, root = ROOT): string {
  const parts: string[] = [];
  let length = 0;
  for (const path of codeFiles(split, root)) {
    if (length >= bytes) break;
    const text = shortened(readFileSync(join(root, path), 'utf8')).trimEnd();
    parts.push(text);
    length += Buffer.byteLength(text) + 2;
  }
  return parts.join('\n\n');
}

function shortened(text: string): string {
  return text.length <= MOST ? text : text.slice(0, text.lastIndexOf('\n', MOST) + 1);
}
