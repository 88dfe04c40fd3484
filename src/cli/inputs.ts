/** @file What `--model`, `--calibration` and `--evaluation` name on disk, checked before a browser is started. */
import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { WhittleError } from '../errors/errors.ts';

/** Kinds of files that belong to a Hugging Face model; the engine decides which it needs. */
const MODEL_FILES = /\.(?:json|safetensors|bin|model|txt|jinja)$/;

/** Paths of a model's files, or null for the built-in model. Throws `not_a_model`. */
export function modelFiles(model: string): string[] | null {
  if (model === 'demo') return null;
  const path = resolve(model);
  const stats = statOf(path, 'not_a_model', 'model');
  if (stats.isDirectory()) {
    const files = readdirSync(path)
      .filter((name) => MODEL_FILES.test(name) && statSync(join(path, name)).isFile())
      .map((name) => join(path, name));
    if (files.length > 0) return files;
    throw new WhittleError({
      code: 'not_a_model',
      message: 'The folder holds no model files.',
      place: { file: basename(path), field: '--model' },
      allowed: 'a folder with config.json, tokenizer.json and safetensors',
    });
  }
  const isGguf = extname(path).toLowerCase() === '.gguf';
  throw new WhittleError({
    code: 'not_a_model',
    message: isGguf ? 'GGUF files are not supported yet.' : 'This is a file, not a model folder.',
    place: { file: basename(path), field: '--model' },
    allowed: 'a folder with config.json, tokenizer.json and safetensors, or demo',
    action: isGguf ? 'Use the safetensors release of the same model.' : 'Give the folder that holds the file.',
  });
}

/** Absolute path of a text, or null for the built-in one. Throws `bad_text`. */
export function textFile(path: string | undefined, option: string): string | null {
  if (path === undefined) return null;
  const stats = statOf(resolve(path), 'bad_text', option);
  if (stats.isFile()) return resolve(path);
  throw new WhittleError({
    code: 'bad_text',
    message: 'This is not a file.',
    place: { file: basename(path), field: `--${option}` },
    allowed: 'a UTF-8 text file',
  });
}

function statOf(path: string, code: 'not_a_model' | 'bad_text', option: string): Stats {
  try {
    return statSync(path);
  } catch {
    throw new WhittleError({
      code,
      message: `There is nothing at ${path}.`,
      place: { field: `--${option}` },
      action: 'Check the path.',
    });
  }
}
