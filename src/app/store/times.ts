/** @file How long work will take on this device: from what was timed before, and from trials of one layer. */
import type { MeasureTime, ModelSummary, PerplexityReport, TextSettings } from '../../engine/protocol.ts';
import type { StepDurations } from './job.ts';

/** Measuring that takes less begins by itself. Seconds. */
export const AT_ONCE_S = 20;
/** Multiply-adds that any device does in that time. */
const WORK_AT_ONCE = 6e10;
/** Of one eigendecomposition, in n³. */
const EIGEN_WORK = 10;

/** Whether measuring and calibrating may take so long that a trial is worth its own time. */
export function mayTakeLong(model: ModelSummary, { samples, eval_samples, seqlen }: TextSettings): boolean {
  const { hidden_size, num_hidden_layers } = model.shape;
  // Covariances cost about as much as the products beside them.
  const products = (2 * samples + eval_samples) * seqlen * model.multiplications_per_token;
  return products + (2 * num_hidden_layers + 1) * EIGEN_WORK * hidden_size ** 3 > WORK_AT_ONCE;
}

export function measureSeconds({ evaluation_s, calibration_s }: MeasureTime, isSliceable: boolean): number {
  return evaluation_s + (isSliceable ? calibration_s : 0);
}

/** A run is measured beside the dense model: both heads, and the run's own layers. */
const BESIDE = 1.5;
/** What slicing does with the bases that calibration has found: rotating and storing every weight. */
const WITH_ROTATION = 1.3;

/** Of measuring a run on the evaluation text. */
export function evaluationSeconds(dense: PerplexityReport | null): number | null {
  return dense && dense.tokens_per_second > 0 ? (BESIDE * dense.tokens) / dense.tokens_per_second : null;
}

/** Of slicing once and measuring it; null while nothing like it was timed here. */
export function slicingSeconds(
  dense: PerplexityReport | null,
  { calibrate }: StepDurations,
  schedule: 'sequential' | 'rotate-once',
): number | null {
  const evaluation = evaluationSeconds(dense);
  if (evaluation === null || calibrate === undefined) return null;
  const own = schedule === 'sequential' ? WITH_ROTATION : WITH_ROTATION - 1;
  return evaluation + (own * calibrate) / 1000;
}
