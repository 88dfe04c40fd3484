/** @file What one press could do about a failed job. Pure. */
import type { ErrorCode, ErrorData } from '../../errors/errors.ts';
import { type FailedJob, placeOfFailure } from './failure.ts';

export type Fix =
  | { kind: 'add_file'; name: string }
  | { kind: 'calibrate_on'; name: string }
  | { kind: 'built_in_texts' }
  | { kind: 'shorter_windows'; tokens: number }
  | { kind: 'free_space' }
  | { kind: 'again' };

/** Where the same press can go well the next time: the machine, not what it was given, stood in the way. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['storage_full', 'device_lost', 'out_of_memory', 'engine_stopped', 'site_unreachable', 'file_changed'] as const),
  ...(['not_converged', 'export_failed', 'internal'] as const),
]);

/** Another text would not have it; a template is asked for by chats alone. */
const BAD_TEXT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['text_too_short', 'bad_text', 'bad_chat_template']);

/** Parts of models, and files that are no text whatever they are called. */
const NO_TEXT =
  /\.(?:safetensors|gguf|onnx|onnx_data.*|bin|pth?|ckpt|h5|zip|gz|tar|model|json|npz|pkl|png|jpe?g|pdf)$/i;
const MOST_TEXTS = 2;

interface Circumstances {
  /** Names of the files that were to be opened; null where the model came otherwise. */
  files: readonly { name: string }[] | null;
  /** Other texts than the built-in prose. */
  hasOtherTexts: boolean;
  /** Tokens that the open model has positions for. */
  mostTokens?: number | undefined;
}

/** In the order in which they are offered. */
export function fixesOf(
  { error, ...job }: Pick<FailedJob, 'kind' | 'command' | 'error'>,
  { files, hasOtherTexts, mostTokens }: Circumstances,
): Fix[] {
  const place = placeOfFailure(job);
  const fixes: Fix[] = [];
  if (job.kind === 'open' && place === 'model' && files && files.length > 0) {
    const missing = missingFile(error, files);
    const [text] = files;
    if (missing && files.some(({ name }) => NO_TEXT.test(name))) fixes.push({ kind: 'add_file', name: missing });
    else if (error.code === 'not_a_model' && files.length <= MOST_TEXTS && !NO_TEXT.test(text.name))
      fixes.push({ kind: 'calibrate_on', name: text.name });
  }
  if (place === 'texts' && hasOtherTexts && BAD_TEXT.has(error.code)) fixes.push({ kind: 'built_in_texts' });
  if (place === 'texts' && error.place.field === 'seqlen' && mostTokens)
    fixes.push({ kind: 'shorter_windows', tokens: mostTokens });
  if (error.code === 'storage_full') fixes.push({ kind: 'free_space' });
  if (PASSING.has(error.code)) fixes.push({ kind: 'again' });
  return fixes;
}

/** The file that is said to be absent; null where it is there and something else is wrong with it. */
function missingFile({ code, place }: ErrorData, files: readonly { name: string }[]): string | null {
  const isOfFiles = code === 'not_a_model' || code === 'bad_tokenizer' || code === 'missing_shard';
  if (!isOfFiles || place.file === undefined || files.some(({ name }) => name === place.file)) return null;
  return place.file;
}

export function fixText(fix: Fix): string {
  switch (fix.kind) {
    case 'add_file':
      return `Add ${fix.name}…`;
    case 'calibrate_on':
      return 'Use as calibration text';
    case 'built_in_texts':
      return 'Use the built-in prose';
    case 'shorter_windows':
      return `Use windows of ${fix.tokens} tokens`;
    case 'free_space':
      return 'Free space…';
    case 'again':
      return 'Try again';
  }
}
