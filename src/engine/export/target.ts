/** @file The model that an export is of: a compressed one, or the open model as it is. */
import type { DecoderModel } from '../../models/decoder_model.ts';
import { evaluateCommand } from '../measure_commands.ts';
import type { EnginePlatform, ExportFolder } from '../platform.ts';
import type { Emit } from '../progress.ts';
import type { PerplexityReport } from '../protocol.ts';
import type { EngineState, MadeModel } from '../state.ts';

export interface ExportTarget {
  readonly id: 'dense' | string;
  readonly model: DecoderModel;
  /** What the chart shows. */
  readonly evaluation: PerplexityReport;
  /** Absent for `dense`. */
  readonly made?: MadeModel;
  /** Finished exports by `exportKey`. */
  readonly exports: Map<string, ExportFolder>;
}

/** The model alone, before anything is measured. Throws `bad_option` for an unknown id. */
export function exportedModel(state: EngineState, id: 'dense' | string): DecoderModel {
  return id === 'dense' ? state.requireModel().open.model : state.requireRun(id).model;
}

/** Measures what has not been measured yet. Throws `bad_option` for an unknown id. */
export async function exportTarget(
  state: EngineState,
  platform: EnginePlatform,
  id: 'dense' | string,
  emit: Emit,
  signal: AbortSignal,
): Promise<ExportTarget> {
  const made = id === 'dense' ? undefined : state.requireRun(id);
  if (!state.dense) await evaluateCommand(state, platform, { target: 'dense' }, emit, signal);
  const measured = made ? made.evaluation : state.dense;
  const evaluation = measured?.report ?? (await evaluateCommand(state, platform, { target: id }, emit, signal));
  return {
    id,
    model: exportedModel(state, id),
    evaluation,
    made,
    exports: made?.exports ?? state.denseExports,
  };
}
