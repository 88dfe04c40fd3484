/** @file Figures of a training for people, and which trainings are shown. */
import type { TrainingPoint, TrainingReport } from '../../engine/protocol.ts';
import { formatPerplexity } from '../format.ts';
import { findRun, type LiveTraining, type Results, type Run } from '../store/results.ts';
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
  /** "heal, kl": the method of its step, and its loss where the step names one. */
  readonly label: string;
  readonly points: readonly TrainingPoint[];
  /** That the axis reaches to. */
  readonly steps: number;
  /** Of a training that ended. */
  readonly report?: TrainingReport;
}

/** In order: of the recipe that runs at this moment, else of the selected run, else of the newest run that has any. */
export function shownTrainings({
  results,
  job,
  selected,
}: Pick<StudioState, 'results' | 'job' | 'selected'>): readonly ShownTraining[] {
  const { training } = results;
  if (job.state === 'running' && training) return [...(training.earlier ?? []), training].map(live);
  const run = selected ? findRun(results, selected) : undefined;
  if (run) return trainingsOf(run);
  return (
    [...results.runs]
      .reverse()
      .map(trainingsOf)
      .find(({ length }) => length > 0) ?? []
  );
}

function trainingsOf({ report }: Run): ShownTraining[] {
  return report.steps.flatMap(({ method, options, training }) =>
    training
      ? [{ label: labelOf(method, options.loss), points: training.curve, steps: training.steps, report: training }]
      : [],
  );
}

function live({ step, steps, points }: LiveTraining): ShownTraining {
  return { label: labelOf(step.split(':')[0], /[:,]loss=([^,]+)/.exec(step)?.[1]), steps, points };
}

/** Two steps of one method are most often told apart by what they lower. */
function labelOf(method: string, loss: unknown): string {
  return typeof loss === 'string' ? `${method}, ${loss}` : method;
}

/** "Over-fitting: …", where the training said so of itself. */
export function overfitting({ report }: ShownTraining): string | undefined {
  return report?.notes.find((note) => note.startsWith('Over-fitting'));
}

/** Whether any training is known. */
export function hasTraining({ training, runs }: Results): boolean {
  return training !== null || runs.some((run) => trainingsOf(run).length > 0);
}
