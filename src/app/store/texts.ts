/** @file Whether texts and windows are those that the model was measured with. Pure. */
import type { TextSettings, TextSource } from '../../engine/protocol.ts';
import type { StudioState } from './store.ts';

/** Whether others were chosen since the model was measured with some. */
export function areTextsChanged({ settings, results: { texts } }: Pick<StudioState, 'settings' | 'results'>): boolean {
  return texts !== null && !isSameTexts(settings.texts, texts);
}

function isSameTexts(a: TextSettings, b: TextSettings): boolean {
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
