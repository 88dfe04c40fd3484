/** @file Which tests reach a source file through imports, the nearest first. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

/** Who imports a file, by its path. @param root Of the repository. */
export function importersOf(root: string): ReadonlyMap<string, readonly string[]> {
  const importers = new Map<string, string[]>();
  for (const file of ['src', 'test'].flatMap((folder) => sources(join(root, folder)))) {
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
      const target = resolve(file, '..', path);
      if (existsSync(target)) importers.set(target, [...(importers.get(target) ?? []), file]);
    }
  }
  return importers;
}

/** Tests that import `file` directly or through others, the nearest first. */
export function testsOf(file: string, importers: ReadonlyMap<string, readonly string[]>): string[] {
  const seen = new Set([file]);
  let ring = [file];
  const tests: string[] = [];
  while (ring.length > 0) {
    ring = ring.flatMap((each) => importers.get(each) ?? []).filter((each) => !seen.has(each) && seen.add(each));
    tests.push(...ring.filter((each) => each.endsWith('.test.ts')));
  }
  return tests;
}
