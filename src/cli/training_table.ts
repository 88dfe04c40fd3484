/** @file Trainings of runs, a row each, with what people should know of them below: how the held-out loss went, and over-fitting. */
import type { Report } from '../engine/report.ts';

export const TRAINING_HEADINGS = ['training', 'lowers', 'steps', 'kept', 'held out', 'before', 'best', 'as stored'];

type Runs = Pick<Report, 'runs'>;

/** @param labels Of the runs, in order. */
export function trainingRows({ runs }: Runs, labels: readonly string[]): string[][] {
  return trainings({ runs }, labels).map(({ label, training }) => {
    const { objective, steps, best_step, windows, curve, stored_held_out_loss } = training;
    const best = curve.find(({ step }) => step === best_step) ?? curve[0];
    const loss = (value: number | undefined) => (value === undefined ? '' : value.toPrecision(4));
    const counts = [String(steps), String(best_step), `${windows.held_out} of ${windows.training + windows.held_out}`];
    const losses = [curve[0]?.held_out_loss, best?.held_out_loss, stored_held_out_loss];
    return [label, objective, ...counts, ...losses.map(loss)];
  });
}

/** "r1 heal: Over-fitting: …", each on a line. */
export function trainingNotes({ runs }: Runs, labels: readonly string[]): string[] {
  return trainings({ runs }, labels).flatMap(({ label, training }) =>
    training.notes.map((note) => `${label}: ${note}`),
  );
}

function trainings({ runs }: Runs, labels: readonly string[]) {
  return runs.flatMap(({ steps }, index) =>
    steps.flatMap(({ method, training }) => (training ? [{ label: `${labels[index]} ${method}`, training }] : [])),
  );
}
