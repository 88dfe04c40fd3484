/** @file Chooses the one folder that holds the model among all dropped files. */
import { WhittleError } from '../../errors/errors.ts';
import type { ModelFile } from './files.ts';

export interface Folder {
  /** Last part of the path; absent for files that were dropped without a folder. */
  name?: string;
  /** By name; those of a folder `onnx` inside it as "onnx/…". */
  files: ReadonlyMap<string, Blob>;
}

const WEIGHTS = /\.(safetensors|onnx)$/;

/** Throws `not_a_model`: nothing there, several models, two files with one name. */
export function chooseFolder(files: readonly ModelFile[]): Folder {
  const folders = joinOnnxFolders(groupByFolder(files));
  if (folders.size === 0) {
    throw new WhittleError({
      code: 'not_a_model',
      message: files.length === 0 ? 'No files were given.' : 'Only hidden or system files were given.',
      allowed: 'a folder with config.json, tokenizer.json and safetensors weights',
    });
  }
  const paths = [...folders.keys()];
  const has = (path: string, test: (name: string) => boolean) => [...folders.get(path)!.keys()].some(test);
  const isConfig = (name: string) => name === 'config.json';
  const isWeights = (name: string) => WEIGHTS.test(name);
  const models = paths.filter((path) => has(path, isConfig) && has(path, isWeights));
  if (models.length > 1) {
    throw new WhittleError({
      code: 'not_a_model',
      message: `Several models were given: ${models.map((path) => path || 'the files at the top').join(', ')}.`,
      allowed: 'one model at a time',
      action: 'Open one of these folders.',
    });
  }
  // With no complete model, the nearest thing to one gives the most helpful message.
  const best =
    models[0] ?? paths.find((path) => has(path, isWeights)) ?? paths.find((path) => has(path, isConfig)) ?? paths[0];
  return { name: best.split('/').pop() || undefined, files: folders.get(best)! };
}

/**
 * transformers.js keeps weights in a folder `onnx` beside config and tokenizer: both are one model. With a config of its own
 * (Optimum's) it is another copy of the model above, which is not needed where that has safetensors.
 */
function joinOnnxFolders(folders: Map<string, Map<string, Blob>>): Map<string, Map<string, Blob>> {
  for (const [path, entries] of [...folders]) {
    const parent = /^(?:(.*)\/)?onnx$/.exec(path);
    const files = parent && folders.get(parent[1] ?? '');
    if (!files?.has('config.json')) continue;
    if (entries.has('config.json')) {
      if ([...files.keys()].some((name) => name.endsWith('.safetensors'))) folders.delete(path);
      continue;
    }
    for (const [name, blob] of entries) files.set(`onnx/${name}`, blob);
    folders.delete(path);
  }
  return folders;
}

function groupByFolder(files: readonly ModelFile[]): Map<string, Map<string, Blob>> {
  const folders = new Map<string, Map<string, Blob>>();
  const seen = new Map<string, string>();
  for (const { path: given, blob } of files) {
    const path = given.replaceAll('\\', '/').replace(/^(\.?\/)+/, '');
    const parts = path.split('/');
    if (parts.some((part) => part.startsWith('.') || part === '__MACOSX' || part === 'Thumbs.db')) continue;
    const other = seen.get(path.toLowerCase());
    if (other !== undefined) throw sameName(other, path);
    seen.set(path.toLowerCase(), path);
    const name = parts.pop()!;
    const folder = parts.join('/');
    const entries = folders.get(folder) ?? new Map<string, Blob>();
    folders.set(folder, entries.set(name, blob));
  }
  return folders;
}

function sameName(first: string, second: string): WhittleError {
  const message =
    first === second ? `Two files are named ${first}.` : `Two files differ only in case: ${first} and ${second}.`;
  return new WhittleError({
    code: 'not_a_model',
    message,
    place: { file: second },
    allowed: 'one file of each name',
    action: 'Drop only the one that belongs to the model.',
  });
}
