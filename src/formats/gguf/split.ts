/** @file Which of the dropped files are the model: one .gguf, or the parts of one (`…-00002-of-00005.gguf`). */
import { WhittleError } from '../../errors/errors.ts';
import type { ModelFile } from '../hf/files.ts';

export interface ChosenGguf {
  /** What to call the model: the file's name without its ending. */
  readonly name: string;
  /** In order of the parts. */
  readonly files: readonly { readonly name: string; readonly blob: Blob }[];
  readonly warnings: readonly string[];
}

const GGUF = /\.gguf$/i;
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;
const MAX_PARTS = 10_000;
/** The part of a multimodal model that reads images. */
const PROJECTOR = /mmproj/i;

/** True where GGUF files were dropped and no complete Hugging Face model is among the files. */
export function isGgufDrop(files: readonly ModelFile[]): boolean {
  const names = visible(files).map(({ name }) => name);
  const isFolder = names.includes('config.json') && names.some((name) => name.endsWith('.safetensors'));
  return names.some((name) => GGUF.test(name)) && !isFolder;
}

/** Throws `not_a_model` for several models, `missing_shard` for parts that are missing. */
export function chooseGguf(files: readonly ModelFile[]): ChosenGguf {
  const given = visible(files);
  const all = given.filter(({ name }) => GGUF.test(name));
  const models = all.filter(({ name }) => !PROJECTOR.test(name));
  const candidates = models.length > 0 ? models : all;
  const isOther = ({ name }: { name: string }) => GGUF.test(name) || name.endsWith('.safetensors');
  const unused = given.filter((file) => isOther(file) && !candidates.includes(file)).map(({ name }) => name);
  const warnings = unused.length > 0 ? [`Not used: ${unused.join(', ')}.`] : [];
  const part = PART.exec(candidates[0].name);
  const stems = new Set(
    candidates.map(
      ({ name }) =>
        PART.exec(name)
          ?.slice(1, 4)
          .filter((_, i) => i !== 1)
          .join() ?? name,
    ),
  );
  if (stems.size > 1 || (!part && candidates.length > 1)) {
    throw new WhittleError({
      code: 'not_a_model',
      message: `Several GGUF models were given: ${candidates.map(({ name }) => name).join(', ')}.`,
      allowed: 'one file, or the parts of one model',
      action: 'Drop only the one that you want.',
    });
  }
  if (!part) return { name: candidates[0].name.replace(GGUF, ''), files: candidates, warnings };
  const [, stem, , total] = part;
  return { name: stem, files: inOrder(candidates, stem, total), warnings };
}

function inOrder(
  candidates: readonly { name: string; blob: Blob }[],
  stem: string,
  total: string,
): { name: string; blob: Blob }[] {
  const count = Number(total);
  if (count < 1 || count > MAX_PARTS) {
    throw new WhittleError({
      code: 'missing_shard',
      message: `The name says that there are ${count} parts.`,
      place: { file: candidates[0].name },
      allowed: `1 to ${MAX_PARTS}`,
      action: 'Give the file the name that it had where it was published.',
    });
  }
  const numbers = Array.from({ length: count }, (_, i) => String(i + 1).padStart(5, '0'));
  const found = numbers.map((number) => candidates.find(({ name }) => PART.exec(name)?.[2] === number));
  const missing = numbers.filter((_, i) => !found[i]).map((number) => `${stem}-${number}-of-${total}.gguf`);
  if (missing.length > 0) {
    const listed = missing.slice(0, 8).join(', ') + (missing.length > 8 ? ` and ${missing.length - 8} more` : '');
    throw new WhittleError({
      code: 'missing_shard',
      message: `${missing.length} of ${count} parts are missing: ${listed}.`,
      place: { file: missing[0] },
      allowed: 'all parts of the model',
      action: 'Drop them together with the others, or open the whole folder.',
    });
  }
  return found.filter((file) => file !== undefined);
}

/** Names without folders, of all files that are not hidden. */
function visible(files: readonly ModelFile[]): { name: string; blob: Blob }[] {
  return files.flatMap(({ path, blob }) => {
    const parts = path
      .replaceAll('\\', '/')
      .replace(/^(\.?\/)+/, '')
      .split('/');
    const hidden = parts.some((part) => part.startsWith('.') || part === '__MACOSX');
    return hidden ? [] : [{ name: parts[parts.length - 1], blob }];
  });
}
