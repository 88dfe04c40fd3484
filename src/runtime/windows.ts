/** @file Text → windows of tokens (DESIGN.md, *Windows*). */

/**
 * The first `count` windows of `seqlen` tokens of a text that was tokenised once; the tail is dropped.
 * `ids` holds count·seqlen token ids.
 */
export interface TokenWindows {
  readonly seqlen: number;
  readonly count: number;
  readonly ids: Uint32Array;
  /** Tokens of the whole text, before cutting. */
  readonly totalTokens: number;
}
