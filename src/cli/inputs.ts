/** @file What `--model`, the texts and `--out` name on disk, checked before a browser is started. */
import { accessSync, constants, mkdirSync, readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { fieldsOf } from '../compress/options/fields.ts';
import type { Recipe } from '../compress/recipe/recipe.ts';
import { requireMethod } from '../compress/registry.ts';
import { WhittleError } from '../errors/errors.ts';

/** Kinds of files that belong to a model; the engine decides which it needs. */
const MODEL_FILES = /\.(?:json|safetensors|gguf|bin|model|txt|jinja|onnx)$/i;
/** What says under which terms a model may be used, which exports carry; the engine looks again. */
const TERMS = /^(?:readme\.md|(?:licen[sc]e|notice|use[_-]policy|copying|copyright)(?:[._-][\w.-]*)?)$/i;
/** Weights that nothing here reads: where there are no others, so that the refusal can name what they are. */
const FOREIGN_WEIGHTS = /\.(?:pt|pth|ckpt|pkl|h5|msgpack|npz|tflite|mlmodel)$/i;
/** Weights of another model, or of this one in another format. */
const OTHER_WEIGHTS = /\.(?:safetensors|safetensors\.index\.json|gguf|onnx)$/i;
/** One part of a GGUF: the others lie beside it. */
const GGUF_PART = /^(.*)-\d{5}-of-(\d{5})\.gguf$/i;

export interface InputFile {
  path: string;
  /** What the engine sees: the path inside the model's folder, that folder's name first. */
  name: string;
}

/** A model's files, or null for the built-in model. Throws `not_a_model` or `missing_shard`. */
export function modelFiles(model: string): InputFile[] | null {
  if (model === 'demo') return null;
  const path = resolve(model);
  const stats = statOf(path, 'not_a_model', 'model');
  if (stats.isDirectory()) {
    const files = [...modelFilesIn(path), ...onnxFolder(path)];
    if (files.length > 0) return named(path, files);
    throw new WhittleError({
      code: 'not_a_model',
      message: 'The folder holds no model files.',
      place: { file: basename(path), field: '--model' },
      allowed: 'a folder with config.json, tokenizer.json and safetensors or ONNX, or a .gguf file',
      action:
        'Check the path: the files must lie in this folder itself, not in one above or below it. PyTorch pickles are not opened: save the model as safetensors.',
    });
  }
  const extension = extname(path).toLowerCase();
  if (extension === '.gguf') return ggufParts(path).map((part) => ({ path: part, name: basename(part) }));
  if (extension === '.onnx') return onnxModel(path);
  throw new WhittleError({
    code: 'not_a_model',
    message: 'This is a file, not a model folder.',
    place: { file: basename(path), field: '--model' },
    allowed: 'a folder with config.json, tokenizer.json and safetensors, an .onnx or a .gguf file, or demo',
    action: 'Give the folder that holds the file.',
  });
}

/** The file, or all the parts of the model that it is a part of. */
function ggufParts(path: string): string[] {
  const part = GGUF_PART.exec(basename(path));
  if (!part) return [path];
  const isSibling = (name: string) => {
    const other = GGUF_PART.exec(name);
    return other?.[1] === part[1] && other[2] === part[2];
  };
  return namesIn(dirname(path))
    .filter(isSibling)
    .map((name) => join(dirname(path), name));
}

function modelFilesIn(folder: string): string[] {
  const names = namesIn(folder);
  // External data of ONNX may have any name; which belong to the model, the model says.
  const hasOnnx = names.some((name) => name.endsWith('.onnx'));
  const hasWeights = names.some((name) => OTHER_WEIGHTS.test(name));
  const isTaken = (name: string) =>
    MODEL_FILES.test(name) ||
    TERMS.test(name) ||
    (hasOnnx && !name.startsWith('.')) ||
    (!hasWeights && FOREIGN_WEIGHTS.test(name));
  return names.filter((name) => isTaken(name) && statInModel(folder, name).isFile()).map((name) => join(folder, name));
}

/** This one of the ONNX files of a folder, with its data and its companions, which may lie in the folder above `onnx`. */
function onnxModel(path: string): InputFile[] {
  const folder = dirname(path);
  const above = dirname(folder);
  const root = basename(folder) === 'onnx' && namesIn(above).includes('config.json') ? above : folder;
  const own = modelFilesIn(folder).filter((file) => file === path || !OTHER_WEIGHTS.test(file));
  const companions = root === folder ? [] : modelFilesIn(root).filter((file) => !OTHER_WEIGHTS.test(file));
  return named(root, [...companions, ...own]);
}

function named(root: string, files: readonly string[]): InputFile[] {
  return files.map((path) => ({ path, name: [basename(root), ...relative(root, path).split(sep)].join('/') }));
}

/** transformers.js keeps ONNX in a folder of that name. */
function onnxFolder(model: string): string[] {
  return namesIn(model).includes('onnx') && statInModel(model, 'onnx').isDirectory()
    ? modelFilesIn(join(model, 'onnx'))
    : [];
}

/** A LoRA's two files, as of a folder beside the model's. Throws `bad_option` for a model that has no files here, `not_a_model`. */
export function adapterFiles(adapter: string | undefined, model: InputFile[] | null): InputFile[] {
  if (adapter === undefined) return [];
  if (!model) {
    throw new WhittleError({
      code: 'bad_option',
      message: '--adapter was given with a model that does not lie in a folder here.',
      place: { field: '--adapter' },
      allowed: 'an adapter beside a model folder',
      action: 'Download the model and name its folder with --model.',
    });
  }
  const folder = resolve(adapter);
  if (!statOf(folder, 'not_a_model', 'adapter').isDirectory()) {
    throw new WhittleError({
      code: 'not_a_model',
      message: 'This is a file, not a folder.',
      place: { file: basename(folder), field: '--adapter' },
      allowed: 'a folder with adapter_config.json and adapter_model.safetensors',
      action: 'Give the folder that holds the file.',
    });
  }
  const files = namesIn(folder)
    .filter((name) => name.startsWith('adapter_'))
    .map((name) => ({ path: join(folder, name), name: `adapter/${name}` }));
  if (files.some(({ name }) => name.endsWith('/adapter_config.json'))) return files;
  throw new WhittleError({
    code: 'not_a_model',
    message: 'There is no adapter_config.json in this folder.',
    place: { file: basename(folder), field: '--adapter' },
    allowed: 'a folder with adapter_config.json and adapter_model.safetensors',
    action: 'Check the path.',
  });
}

/** Absolute path of a text, or null for the built-in one. Throws `bad_text`. */
export function textFile(path: string | undefined, option: string): string | null {
  return path === undefined ? null : oneFile(path, option, 'bad_text', 'a UTF-8 text file');
}

/** Absolute path of an importance matrix, or null for the calibration text's own. Throws `bad_gguf`. */
export function imatrixFile(path: string | undefined): string | null {
  return path === undefined ? null : oneFile(path, 'imatrix', 'bad_gguf', 'an importance matrix in GGUF');
}

/** Absolute paths of the files of tasks. Throws `bad_jsonl`. */
export function taskFiles(paths: readonly string[] = []): string[] {
  return paths.map((path) => oneFile(path, 'tasks', 'bad_jsonl', 'a JSON Lines file of examples'));
}

/** Absolute paths of the files that recipes name. Throws `bad_jsonl`; `bad_option` for two of one name. */
export function exampleFiles(recipes: readonly Pick<Recipe, 'steps'>[] = []): string[] {
  const named = recipes.flatMap(({ steps }) =>
    steps.flatMap(({ method, options }) =>
      fieldsOf(requireMethod(method).options).flatMap(({ name, meta }) => {
        const value = options[name];
        return meta.type === 'file' && typeof value === 'string' ? [value.trim()] : [];
      }),
    ),
  );
  const paths = [...new Set(named.map((path) => oneFile(path, 'recipe', 'bad_jsonl', 'a JSON Lines file')))];
  const twin = paths.find((path, i) => paths.findIndex((each) => basename(each) === basename(path)) < i);
  if (twin === undefined) return paths;
  throw new WhittleError({
    code: 'bad_option',
    message: `Recipes name two files that are called ${basename(twin)}.`,
    place: { file: basename(twin), field: '--recipe' },
    allowed: 'one file of a name: runs are told apart by it',
    action: 'Rename one of them.',
  });
}

function oneFile(path: string, option: string, code: 'bad_text' | 'bad_gguf' | 'bad_jsonl', allowed: string): string {
  const stats = statOf(resolve(path), code, option);
  if (stats.isFile()) return resolve(path);
  throw new WhittleError({
    code,
    message: 'This is not a file.',
    place: { file: basename(path), field: `--${option}` },
    allowed,
    action: 'Give the path of the file itself.',
  });
}

/**
 * Makes the folder that `--out` names, so that a job of minutes cannot end without a place for its results. Throws
 * `bad_option`.
 */
export function prepareOut(out: string): void {
  const path = resolve(out);
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    const reason = systemCode(thrown);
    const isFile = reason === 'EEXIST' || reason === 'ENOTDIR';
    throw new WhittleError({
      code: 'bad_option',
      message: isFile
        ? `--out is "${out}", where a file is in the way.`
        : `--out is "${out}", which cannot be written to (${reason}).`,
      place: { field: '--out' },
      allowed: 'a folder that can be written to; it is made where there is none',
    });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    throw new WhittleError({
      code: 'not_a_model',
      message: `The folder cannot be read (${systemCode(thrown)}).`,
      place: { file: basename(folder), field: '--model' },
      action: 'Check its permissions.',
    });
  }
}

/** An interrupted download into a Hugging Face cache leaves links to files that are not there. */
function statInModel(folder: string, name: string): Stats {
  try {
    return statSync(join(folder, name));
  } catch (thrown) {
    const reason = systemCode(thrown);
    throw new WhittleError({
      code: name.endsWith('.safetensors') ? 'missing_shard' : 'not_a_model',
      message:
        reason === 'ENOENT'
          ? `${name} is a link to a file that is not there.`
          : `${name} cannot be opened (${reason}).`,
      place: { file: name, field: '--model' },
      action:
        reason === 'ENOENT'
          ? 'Was its download interrupted? Download the model again, or copy the real files in place of the links.'
          : 'Check the permissions of the file.',
    });
  }
}

/** "ENOENT" and its like. */
function systemCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
}

function statOf(path: string, code: 'not_a_model' | 'bad_text' | 'bad_gguf' | 'bad_jsonl', option: string): Stats {
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
