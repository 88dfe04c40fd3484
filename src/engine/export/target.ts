/** @file The model that an export is of: a sliced one, or the open model as it is. */
import type { DecoderModel } from '../../models/decoder_model.ts';
import { evaluateCommand } from '../measure_commands.ts';
import type { ExportFolder } from '../platform.ts';
import type { Emit } from '../progress.ts';
import type { PerplexityReport } from '../protocol.ts';
import type { EngineState, SlicedModel } from '../state.ts';

export interface ExportTarget {
  readonly id: 'dense' | string;
  readonly model: DecoderModel;
  /** What the chart shows. */
  readonly evaluation: PerplexityReport;
  /** Absent for `dense`. */
  readonly slice?: SlicedModel;
  /** Finished exports by `exportKey`. */
  readonly exports: Map<string, ExportFolder>;
}

/** The model alone, before anything is measured. Throws `bad_option` for an unknown id. */
export function exportedModel(state: EngineState, id: 'dense' | string): DecoderModel {
  return id === 'dense' ? state.requireModel().open.model : state.requireSlice(id).model;
}

/** Measures what has not been measured yet. Throws `bad_option` for an unknown id. */
export async function exportTarget(
  state: EngineState,
  id: 'dense' | string,
  emit: Emit,
  signal: AbortSignal,
): Promise<ExportTarget> {
  const slice = id === 'dense' ? undefined : state.requireSlice(id);
  if (!state.dense) await evaluateCommand(state, 'dense', emit, signal);
  const measured = slice ? slice.evaluation : state.dense;
  const evaluation = measured?.report ?? (await evaluateCommand(state, id, emit, signal));
  return {
    id,
    model: exportedModel(state, id),
    evaluation,
    slice,
    exports: slice?.exports ?? state.denseExports,
  };
}
