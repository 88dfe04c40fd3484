/** @file Figures of a training for people, and which training is shown. */
import type { TrainingPoint, TrainingReport } from '../../engine/protocol.ts';
import { formatPerplexity } from '../format.ts';
import { findRun, type Results } from '../store/results.ts';
import type { StudioState } from '../store/store.ts';
import type { TooltipLine } from './ChartTooltip.tsx';

export function formatLoss(loss: number | undefined): string {
  return loss === undefined ? '–' : loss.toPrecision(3);
}

export function trainingLines({ training_loss, held_out_loss, held_out_perplexity }: TrainingPoint): TooltipLine[] {
  return [
    ...(training_loss === undefined ? [] : [{ name: 'training', value: formatLoss(training_loss) }]),
    { name: 'held-out', value: formatLoss(held_out_loss) },
    { name: 'held-out perplexity', value: formatPerplexity(held_out_perplexity) },
  ];
}

export interface ShownTraining {
  readonly points: readonly TrainingPoint[];
  /** That the axis reaches to. */
  readonly steps: number;
  /** Of a training that ended. */
  readonly report?: TrainingReport;
}

/** The training that runs at this moment, else the last one of the selected run, else of the newest run that has one. */
export function shownTraining({
  results,
  job,
  selected,
}: Pick<StudioState, 'results' | 'job' | 'selected'>): ShownTraining | null {
  const { training } = results;
  if (job.state === 'running' && training) return { points: training.points, steps: training.steps };
  const run = selected ? findRun(results, selected) : undefined;
  const own = run && reportOf(run);
  const report = own ?? (run ? undefined : [...results.runs].reverse().map(reportOf).find(Boolean));
  return report ? { points: report.curve, steps: report.steps, report } : null;
}

function reportOf(run: NonNullable<ReturnType<typeof findRun>>): TrainingReport | undefined {
  return run.report.steps.findLast(({ training }) => training)?.training;
}

/** Whether any training is known. */
export function hasTraining({ training, runs }: Results): boolean {
  return training !== null || runs.some((run) => reportOf(run) !== undefined);
}
