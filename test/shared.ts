/**
 * @file Models, texts and reference figures that lie beside the checkout, in `../shared` (or where WHITTLE_SHARED says).
 * A test that needs them is skipped, with a message, where they are absent.
 */
import { existsSync, openAsBlob, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, it } from 'vitest';
import type { ModelFile } from '../src/formats/hf/files.ts';

const root = resolve(process.env.WHITTLE_SHARED ?? join(import.meta.dirname, '..', '..', 'shared'));

export const hasShared = existsSync(join(root, 'models'));

export function sharedPath(...parts: string[]): string {
  return join(root, ...parts);
}

/** `describe` where the shared data is there, else a skipped one that says why. */
export function describeWithShared(name: string, define: () => void): void {
  if (hasShared) {
    describe(name, () => define());
    return;
  }
  // Vitest runs the body of a skipped suite, which would read files that are not there: it is never handed over.
  describe.skip(`${name} (skipped: there is no shared data beside the checkout)`, () => {
    it('needs the shared data', () => {});
  });
}

export function readSharedJson(...parts: string[]): unknown {
  return JSON.parse(readFileSync(sharedPath(...parts), 'utf8'));
}

export function readSharedText(...parts: string[]): string {
  return readFileSync(sharedPath(...parts), 'utf8');
}

/** Every file of a folder as a drop of that folder would give it. */
export async function folderFiles(path: string): Promise<ModelFile[]> {
  const names = readdirSync(path);
  return Promise.all(
    names.map(async (name) => ({ path: `${basename(path)}/${name}`, blob: await openAsBlob(join(path, name)) })),
  );
}

export function sharedModelFiles(model: string): Promise<ModelFile[]> {
  return folderFiles(sharedPath('models', model));
}
