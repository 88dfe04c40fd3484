/** @file The tokens of a text as far as windows need them, off the main path: with progress, and stopped by `cancel`. */
import { breather } from '../backend/event_loop.ts';

interface Watch {
  /** Whether the rest of the text is counted, too. */
  whole: boolean;
  signal: AbortSignal;
  /** Called now and then with the tokens that are done. */
  report(done: number): void;
}

export interface Tokenised {
  /** The first `needed` tokens, fewer where the text has no more. */
  ids: Uint32Array;
  /** Tokens of the text, or of its start. */
  tokens: number;
  /** Whether the text may have more tokens than `tokens`. */
  at_least: boolean;
}

/** @throws `cancelled`, and what the tokenizer throws. */
export async function tokenise(
  batches: Iterable<readonly number[]>,
  needed: number,
  { whole, signal, report }: Watch,
): Promise<Tokenised> {
  const ids = new Uint32Array(needed);
  const breathe = breather(signal);
  let tokens = 0;
  for (const batch of batches) {
    if (tokens < needed) ids.set(batch.slice(0, needed - tokens), tokens);
    tokens += batch.length;
    if (tokens >= needed && !whole) return { ids, tokens: needed, at_least: true };
    const turn = breathe();
    if (turn) {
      report(tokens);
      await turn;
    }
  }
  return { ids: ids.subarray(0, tokens), tokens, at_least: false };
}
