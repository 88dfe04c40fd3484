/** @file Whether what was dropped is a recipe or a project: a look into a JSON file, so that a model's config is none. */
import type { PickedFile } from '../../platform/dropped_files.ts';

/** A recipe that names each of ten thousand matrices is smaller. */
const MOST_BYTES = 2e6;

export async function isRecipe(files: readonly PickedFile[]): Promise<boolean> {
  const [first] = files;
  if (files.length !== 1 || !/\.json$/i.test(first.file.name) || first.file.size > MOST_BYTES) return false;
  if (/\.recipe\.json$/i.test(first.file.name)) return true;
  try {
    const value: unknown = JSON.parse(await first.file.text());
    if (typeof value !== 'object' || value === null) return false;
    const steps = 'steps' in value ? value.steps : value;
    return Array.isArray(steps) && steps.length > 0 && steps.every((step) => typeof step?.method === 'string');
  } catch {
    return false;
  }
}

/** By its ending, or by its first words where it was called something else. */
export async function isProject(files: readonly PickedFile[]): Promise<boolean> {
  const [first] = files;
  if (files.length !== 1 || !/\.json$/i.test(first.file.name)) return false;
  if (/\.whittle\.json$/i.test(first.file.name)) return true;
  return /^\uFEFF?\s*\{[^{}]*"format"\s*:\s*"whittle-project"/.test(await first.file.slice(0, 1000).text());
}
