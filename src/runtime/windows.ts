/** @file Text → windows of tokens (DESIGN.md, *Windows*). */
import type { BackendInfo } from '../backend/backend.ts';
import { WhittleError } from '../errors/errors.ts';
import type { BosMode } from '../formats/tokenizer/bos.ts';

/**
 * The first `count` windows of `seqlen` tokens of a text that was tokenised once; the tail is dropped.
 * `ids` holds count·seqlen token ids.
 */
export interface TokenWindows {
  readonly seqlen: number;
  readonly count: number;
  readonly ids: Uint32Array;
  /** Tokens of the whole text, before cutting, with a BOS that stands once before it. */
  readonly totalTokens: number;
}

/** Tokens that windows begin with. */
export interface WindowStart {
  readonly mode: BosMode;
  /** Usually one; some tokenizers put several before a text. Not used by `none`. */
  readonly bos: readonly number[];
}

/** Tokens of a text that `count` windows are cut from; at least 1, whatever was asked for. */
export function tokensNeeded(seqlen: number, count: number, { mode, bos }: WindowStart): number {
  const given = { none: 0, first: bos.length, each: count * bos.length }[mode];
  return Math.max(1, seqlen * count - given);
}

/** Nothing is put before the ids: they are windows as they stand. */
const AS_IT_IS: WindowStart = { mode: 'none', bos: [] };

/**
 * Cuts windows from the start of a tokenised text. With `first` and `none` they are consecutive parts of BOS + text, of the text;
 * with `each` every window is BOS and the next seqlen − 1 tokens of the text. In all cases a window has seqlen tokens and
 * seqlen − 1 predictions, of every token but its first; with `each` these are all the tokens that came from the text, so that none
 * is left unpredicted between windows.
 * @param ids Of the text, without special tokens where `start` puts them there.
 * @param name Of the text, for messages.
 * @throws `text_too_short` when it does not give `count` windows; `bad_option` for impossible sizes.
 */
export function cutWindows(
  ids: Uint32Array,
  seqlen: number,
  count: number,
  name: string,
  { mode, bos }: WindowStart = AS_IT_IS,
): TokenWindows {
  const inEach = mode === 'each' ? bos.length : 0;
  requireWhole('seqlen', seqlen, Math.max(2, inEach + 1));
  requireWhole('windows', count, 1);
  const stream = mode === 'first' ? joined(bos, ids) : ids;
  const own = seqlen - inEach;
  requireTokens(stream.length, own, inEach, count, name);
  const cut = new Uint32Array(seqlen * count);
  for (let i = 0; i < count; i++) {
    if (inEach > 0) cut.set(bos, i * seqlen);
    cut.set(stream.subarray(i * own, (i + 1) * own), i * seqlen + inEach);
  }
  return { seqlen, count, ids: cut, totalTokens: stream.length };
}

function joined(bos: readonly number[], ids: Uint32Array): Uint32Array {
  const all = new Uint32Array(bos.length + ids.length);
  all.set(bos);
  all.set(ids, bos.length);
  return all;
}

/** @param own Tokens of the text in a window, behind `before` others. */
function requireTokens(found: number, own: number, before: number, count: number, name: string): void {
  if (found >= own * count) return;
  const fits = Math.floor(found / own);
  const some = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const size = before > 0 ? `${own} and BOS` : `${own}`;
  throw new WhittleError({
    code: 'text_too_short',
    message: `The text has ${some(found, 'token')}, which is ${some(fits, 'window')} of ${size}; ${count} ${count === 1 ? 'was' : 'were'} asked for (${count * own} tokens).`,
    place: { file: name },
    allowed: `at least ${count * own} tokens`,
    action:
      fits > 0 ? `Use a longer text, or at most ${some(fits, 'window')}.` : 'Use a longer text or shorter windows.',
  });
}

function requireWhole(field: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new WhittleError({
    code: 'bad_option',
    message: `${field} is ${value}.`,
    place: { field },
    allowed: `a whole number, at least ${least}`,
  });
}

/** Consecutive windows that go through a layer together. */
export interface WindowBatch {
  /** Index of the first window and number of windows. */
  first: number;
  count: number;
}

/** Splits windows `first … first + count` into batches of at most `maxRows` rows (but at least one window each). */
export function batchesOf(windows: TokenWindows, first: number, count: number, maxRows: number): WindowBatch[] {
  const size = windowsPerBatch(windows, maxRows);
  const batches: WindowBatch[] = [];
  for (let start = first; start < first + count; start += size) {
    batches.push({ first: start, count: Math.min(size, first + count - start) });
  }
  return batches;
}

/** Windows that go together where a batch has so many rows; a longer one goes alone. */
export function windowsPerBatch({ seqlen }: Pick<TokenWindows, 'seqlen'>, maxRows: number): number {
  return Math.max(1, Math.floor(maxRows / seqlen));
}

/** A CPU computes, itself or as a software adapter: work goes in small steps, so that cancelling is quick. */
export function isSlow(info: Pick<BackendInfo, 'kind' | 'isFallbackAdapter'>): boolean {
  return info.isFallbackAdapter || info.kind === 'cpu';
}

const [FEW_ROWS, MANY_ROWS] = [512, 2048];
/** On software adapters: logits of both of two heads that are compared are whole, up to vocabularies of 4,096. */
const SOFTWARE_ROWS = 1024;
/** Bytes, as f32, of the widest states of a batch on a CPU that has more than the few rows. */
const WIDE_BATCH_BYTES = 16 * 2 ** 20;

/** Sizes of a model that its widest states have. */
export type Widths = Readonly<Record<'hidden_size' | 'intermediate_size', number>>;

/**
 * Rows of one batch: enough to keep a GPU busy, few enough that activations stay small and progress is seen. On a CPU threads wait
 * for one another at the end of every product, which is the smaller share of it the more rows there are, and a software adapter loads
 * the right side anew for each batch.
 * @param model For passes that only go forward: on a CPU small models have more rows.
 */
export function rowsPerBatch(info: Pick<BackendInfo, 'kind' | 'isFallbackAdapter'>, model?: Widths): number {
  if (!isSlow(info)) return MANY_ROWS;
  if (!model) return FEW_ROWS;
  const fit = Math.floor(WIDE_BATCH_BYTES / (4 * Math.max(model.hidden_size, model.intermediate_size)));
  return Math.min(info.isFallbackAdapter ? SOFTWARE_ROWS : MANY_ROWS, Math.max(FEW_ROWS, fit));
}

export function batchIds(windows: TokenWindows, batch: WindowBatch): Uint32Array {
  return windows.ids.subarray(batch.first * windows.seqlen, (batch.first + batch.count) * windows.seqlen);
}
