/** @file What a job makes, so that a job that was broken off can be asked for again. */
import type { SlicegptOptions, StepInput } from '../../engine/protocol.ts';
import type { ExportChoice } from './exports.ts';

export type Work =
  /** One setting of the slider, or a sweep's. */
  | { kind: 'slices'; title: string; options: readonly SlicegptOptions[] }
  | { kind: 'recipe'; recipe: { text: string; steps: readonly StepInput[] } }
  | { kind: 'export'; id: 'dense' | string; choice: ExportChoice };
