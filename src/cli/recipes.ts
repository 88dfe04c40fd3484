/** @file `--recipe`: text, or the path of a JSON file. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseRecipe, type Recipe } from '../compress/recipe/recipe.ts';
import { WhittleError } from '../errors/errors.ts';

/** Throws `bad_option` for a file that cannot be read, and for what `parseRecipe` refuses. */
export function readRecipe(value: string): Recipe {
  const isFile = /\.json$/i.test(value.trim());
  const text = isFile ? fileText(value.trim()) : value;
  try {
    return parseRecipe(text);
  } catch (thrown) {
    if (!(thrown instanceof WhittleError)) throw thrown;
    const file = isFile ? { file: basename(value.trim()) } : {};
    throw new WhittleError({ ...thrown.toData(), place: { ...file, field: '--recipe' } });
  }
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    throw new WhittleError({
      code: 'bad_option',
      message: `The recipe's file cannot be read (${reason}): ${path}.`,
      place: { field: '--recipe' },
      allowed: 'steps as text, or the path of a JSON file',
      action: 'Check the path.',
    });
  }
}
