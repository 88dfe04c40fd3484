/** @file Losses of a training, step by step: of the windows that it learns from and of those held out. Pure. */
import type { ReportedTraining } from './page.ts';
import { axes, drawing, element, frameOf, short, textAt } from './svg.ts';
import { niceTicks } from './ticks.ts';

const FRAME = frameOf(960, 240);

/** Empty without two measurements. */
export function drawTraining({ points, kept_step }: ReportedTraining): string {
  const values = points.flatMap(({ training_loss, held_out_loss }) => [training_loss ?? held_out_loss, held_out_loss]);
  const last = points.at(-1)?.step ?? 0;
  if (points.length < 2 || last === 0 || !values.every(Number.isFinite)) return '';
  const y = niceTicks(Math.min(...values), Math.max(...values));
  const xOf = (step: number) => FRAME.left + (step / last) * (FRAME.right - FRAME.left);
  const yOf = (value: number) =>
    FRAME.bottom - ((value - y.domain[0]) / (y.domain[1] - y.domain[0])) * (FRAME.bottom - FRAME.top);
  const line = (places: readonly (readonly [number, number])[]) =>
    places.map(([step, value], i) => `${i === 0 ? 'M' : 'L'}${short(xOf(step))} ${short(yOf(value))}`).join('');
  const learnt = points.flatMap(({ step, training_loss }) =>
    training_loss === undefined ? [] : [[step, training_loss] as const],
  );
  return drawing(
    FRAME,
    `Losses over ${last} steps; the weights of step ${kept_step} are kept`,
    axes(FRAME, {
      x: points.map(({ step }) => ({ at: xOf(step), text: String(step) })),
      y: y.ticks.map((tick) => ({ at: yOf(tick), text: String(tick) })),
      xLabel: 'step',
      yLabel: 'nats a token',
    }),
    element('path', { class: 'cut-line', d: `M${short(xOf(kept_step))} ${FRAME.top}V${FRAME.bottom}` }),
    textAt(xOf(kept_step) + (kept_step > last / 2 ? -6 : 6), FRAME.top + 10, 'kept', {
      'text-anchor': kept_step > last / 2 ? 'end' : 'start',
    }),
    element('path', { class: 'curve series-1 dashed', d: line(learnt) }),
    element('path', { class: 'curve dense', d: line(points.map(({ step, held_out_loss }) => [step, held_out_loss])) }),
  );
}

/** Of the steps of a run, those that trained. @param label Of the run. */
export function trainingsOf(
  label: string,
  steps: readonly { method: string; training?: Trained | undefined }[],
): ReportedTraining[] {
  return steps.flatMap(({ method, training }) =>
    training
      ? [
          {
            title: `Training: ${method} of ${label}`,
            objective: training.objective,
            windows: training.windows,
            points: training.curve,
            kept_step: training.best_step,
            notes: training.notes,
          },
        ]
      : [],
  );
}

interface Trained extends Pick<ReportedTraining, 'objective' | 'windows' | 'notes'> {
  curve: ReportedTraining['points'];
  best_step: number;
}
