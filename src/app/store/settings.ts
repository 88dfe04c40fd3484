/** @file What the person has chosen. Nothing here is a result; nothing here is derived. */

import type { TextKind } from '../../engine/plan.ts';
import type { BackendKind, Fusion, SlicegptOptions, TextSettings, TextSource } from '../../engine/protocol.ts';
import type { ChoiceKind, ExportChoice } from './exports.ts';

export type Theme = 'system' | 'light' | 'dark';

export interface Settings {
  theme: Theme;
  backend: 'auto' | BackendKind;
  texts: TextSettings;
  /** Whole or tenth percent, 0 … {@link MAX_SPARSITY_PERCENT}; kept as a percentage so that 30 % is exactly 30. */
  sparsity_percent: number;
  round: number;
  schedule: SlicegptOptions['schedule'];
  fusion: Fusion;
  head: SlicegptOptions['head'];
  /** What the next export will be. */
  export: Record<ChoiceKind, ExportChoice>;
}

export const MAX_SPARSITY_PERCENT = 60;
export const SWEEP_PERCENT: readonly number[] = [10, 20, 25, 30];

export const DEFAULT_SETTINGS: Settings = {
  theme: 'system',
  backend: 'auto',
  texts: {
    calibration: { kind: 'demo' },
    evaluation: { kind: 'demo' },
    samples: 16,
    eval_samples: 16,
    seqlen: 256,
  },
  sparsity_percent: 25,
  round: 8,
  schedule: 'sequential',
  fusion: 'exact',
  head: 'auto',
  export: { sliced: { format: 'onnx', precision: 'stored' }, dense: { format: 'onnx', precision: 'stored' } },
};

/** As they are kept and compared: prose has no kind. */
export function builtInSource(of: TextKind): Extract<TextSource, { kind: 'demo' }> {
  return of === 'prose' ? { kind: 'demo' } : { kind: 'demo', of };
}

export function sliceOptions(settings: Settings, schedule = settings.schedule): SlicegptOptions {
  const { sparsity_percent, round, fusion, head } = settings;
  return { sparsity: sparsity_percent / 100, round, schedule, fusion, head };
}

/** Keeps a typed number inside its range; nonsense keeps the old value. */
export function clampNumber(value: number, least: number, most: number, otherwise: number): number {
  return Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : otherwise;
}
