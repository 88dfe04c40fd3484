/** @file The real model that comparisons take where none is named. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The first GGUF below `smol` in the folder that LAB_DATA names; undefined where there is none. */
export async function labModel(): Promise<string | undefined> {
  const { LAB_DATA } = process.env;
  if (!LAB_DATA) return undefined;
  const folder = join(LAB_DATA, 'smol');
  const names = await readdir(folder, { recursive: true }).catch((): string[] => []);
  const found = names.sort().find((name) => name.toLowerCase().endsWith('.gguf'));
  return found && join(folder, found);
}
