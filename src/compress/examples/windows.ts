/** @file Prompts with answers → windows of tokens, one each, padded behind their ends, of which only the answers are learnt. */
import { WhittleError } from '../../errors/errors.ts';
import type { BatchTargets } from '../../runtime/backward/head.ts';
import type { TokenWindows, WindowBatch } from '../../runtime/windows.ts';
import type { ExampleTokens } from './examples.ts';

export interface ExampleWindows {
  readonly windows: TokenWindows;
  /** Of each window: the first token of the answer, and how many tokens stand before the padding. */
  readonly spans: readonly { readonly from: number; readonly length: number }[];
  /** What was left out or cut off, in sentences. */
  readonly notes: readonly string[];
}

/**
 * A window for each token list. Those of one group stand beside each other, and a group of which a prompt fills the window is left out.
 * @param seqlen Longer answers lose their ends.
 * @throws `text_too_short` where nothing is left.
 */
export function exampleWindows(
  groups: readonly (readonly ExampleTokens[])[],
  seqlen: number,
  file: string,
): ExampleWindows {
  const kept = groups.filter((group) => group.every(({ from, ids }) => from < Math.min(seqlen, ids.length)));
  const all = kept.flat();
  if (all.length === 0) throw nothingFits(file, groups.length, seqlen);
  const size = Math.min(seqlen, Math.max(2, ...all.map(({ ids }) => ids.length)));
  const ids = new Uint32Array(size * all.length);
  const spans = all.map((example, i) => {
    const own = example.ids.subarray(0, size);
    ids.set(own, i * size);
    return { from: example.from, length: own.length };
  });
  const totalTokens = spans.reduce((sum, { length }) => sum + length, 0);
  const windows = { seqlen: size, count: all.length, ids, totalTokens };
  const cut = kept.filter((group) => group.some((each) => each.ids.length > size)).length;
  const gone = groups.length - kept.length;
  return {
    windows,
    spans,
    notes: [
      ...(gone > 0
        ? [`${gone} of ${groups.length} examples were left out: their prompts fill a window of ${seqlen} tokens.`]
        : []),
      ...(cut > 0 ? [`${cut} answers were cut off at ${size} tokens, a window.`] : []),
    ],
  };
}

/**
 * Every token of the answers, those of one kind with equal weights. Windows of several kinds take turns.
 * @param chosen Of the windows: those that the batches count through.
 * @param among All whose mean is sought.
 * @param shares What the mean over each kind counts.
 */
export function answerTargets(
  { windows, spans }: Pick<ExampleWindows, 'windows' | 'spans'>,
  chosen: readonly number[],
  batches: readonly WindowBatch[],
  among: readonly number[],
  shares: readonly number[] = [1],
): BatchTargets[] {
  const { seqlen, ids } = windows;
  const kindOf = (window: number) => window % shares.length;
  const totals = shares.map(() => 0);
  for (const window of among) totals[kindOf(window)] += spans[window].length - spans[window].from;
  return batches.map(({ first, count }) => {
    const targets = new Uint32Array(count * seqlen);
    const weights = new Float64Array(count * seqlen);
    for (let i = 0; i < count; i++) {
      const window = chosen[first + i];
      const { from, length } = spans[window];
      for (let at = from; at < length; at++) {
        targets[i * seqlen + at - 1] = ids[window * seqlen + at];
        weights[i * seqlen + at - 1] = shares[kindOf(window)] / totals[kindOf(window)];
      }
    }
    return { targets, weights };
  });
}

function nothingFits(file: string, count: number, seqlen: number): WhittleError {
  return new WhittleError({
    code: 'text_too_short',
    message: `Of ${count} examples none leaves room for its answer in a window of ${seqlen} tokens.`,
    place: { file, field: 'seqlen' },
    allowed: 'prompts shorter than a window',
    action: 'Take longer windows (--seqlen), or shorter prompts.',
  });
}
