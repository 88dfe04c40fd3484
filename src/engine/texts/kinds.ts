/** @file The built-in texts: what kinds there are, and where the site has them. For pages, too. */

/** `prose` is the built-in model's own; the others are what other models are made for. */
export const TEXT_KINDS = ['prose', 'articles', 'code', 'chat'] as const;
export type TextKind = (typeof TEXT_KINDS)[number];

export type TextRole = 'calibration' | 'evaluation';

/** Below `demo/` (`tools/texts/texts.ts` makes them). */
export function textFileName(kind: TextKind, role: TextRole): string {
  return kind === 'prose' ? `${role}.txt` : `${kind}.${role}.${kind === 'chat' ? 'jsonl' : 'txt'}`;
}
