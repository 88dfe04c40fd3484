/** @file A text's tokens in two models: how much less or more likely each one became. Pure. */
import type { TokenLosses } from '../../engine/protocol.ts';

export interface TokenChange {
  token: string;
  text: string;
  /** ln p, in nats; null for the first token. */
  dense: number | null;
  compressed: number | null;
  /** Compressed minus dense: below 0 the token became less likely. */
  change: number | null;
}

/** From these changes on, in nats: e^0.1 is 10 % less or more likely, e^0.5 is 1.6 times, e^2 is 7 times. */
export const LEVELS = [0.1, 0.5, 2] as const;

/** −3 … 3: how many of {@link LEVELS} a change reaches, and which way; 0 is about the same. */
export function levelOf(change: number | null): number {
  const size = LEVELS.filter((least) => Math.abs(change ?? 0) >= least).length;
  return change !== null && change < 0 && size > 0 ? -size : size;
}

/** Of the same text. */
export function tokenChanges(dense: TokenLosses, compressed: TokenLosses): TokenChange[] {
  return dense.tokens.map(({ token, text, logprob }, i) => {
    const other = compressed.tokens[i]?.logprob ?? null;
    const change = logprob === null || other === null ? null : other - logprob;
    return { token, text, dense: logprob, compressed: other, change };
  });
}

/** A token as it reads, with what is not seen in it shown; in its vocabulary's own letters where it is no text by itself. */
export function readableToken({ token, text }: Pick<TokenChange, 'token' | 'text'>): string {
  if (text === '' || text.includes('\uFFFD')) return token;
  return text.replaceAll(' ', '␣').replaceAll('\n', '↵').replaceAll('\t', '⇥');
}

/** How many tokens became clearly less and more likely, of those that are predicted. */
export function countChanges(rows: readonly TokenChange[]): { less: number; more: number; all: number } {
  const levels = rows.filter(({ change }) => change !== null).map(({ change }) => levelOf(change));
  return {
    less: levels.filter((level) => level <= -2).length,
    more: levels.filter((level) => level >= 2).length,
    all: levels.length,
  };
}
