/** @file Whether two choices of texts and windows are one. Pure. */
import type { TextSettings, TextSource } from '../../engine/protocol.ts';

export function isSameTexts(a: TextSettings, b: TextSettings): boolean {
  return (
    a.samples === b.samples &&
    a.eval_samples === b.eval_samples &&
    a.seqlen === b.seqlen &&
    (a.bos ?? 'auto') === (b.bos ?? 'auto') &&
    isSameSource(a.calibration, b.calibration) &&
    isSameSource(a.evaluation, b.evaluation)
  );
}

function isSameSource(a: TextSource, b: TextSource): boolean {
  if (a.kind === 'file' && b.kind === 'file') return a.file === b.file;
  if (a.kind === 'text' && b.kind === 'text') return a.text === b.text;
  if (a.kind === 'demo' && b.kind === 'demo') return a.of === b.of;
  return a.kind === b.kind;
}
