/** @file What a job makes, so that a job that was broken off can be asked for again. */
import type { SlicegptOptions, StepInput } from '../../engine/protocol.ts';
import type { ExportChoice } from './exports.ts';

export type Work =
  /** One setting of the slider, or a sweep's. */
  | { kind: 'slices'; title: string; options: readonly SlicegptOptions[] }
  | { kind: 'recipe'; recipe: { text: string; steps: readonly StepInput[] } }
  /** The best recipe for so many bytes, searched for, made and measured. */
  | { kind: 'target'; bytes: number }
  | { kind: 'export'; id: 'dense' | string; choice: ExportChoice };

/** What going on with it means, for people. */
export function goingOnText(work: Work): string {
  if (work.kind === 'export') return 'It is written anew, to the same bytes.';
  if (work.kind === 'target')
    return 'The search begins anew and finds the same; what it made goes on behind the last finished layer.';
  if (work.kind === 'slices' && work.options.some(({ schedule }) => schedule === 'rotate-once'))
    return 'Spectra and slices that were not finished begin anew, to the same bytes.';
  return 'It goes on behind the last layer that was finished.';
}
