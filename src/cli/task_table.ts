/** @file Accuracies on multiple-choice tasks, a row for each model and task, for people. */
import type { Report, TaskAccuracy } from '../engine/report.ts';

export const TASK_HEADINGS = ['model', 'task', 'examples', 'acc', '±', 'acc_norm', '± '];

/** @param labels Of the runs, in order. */
export function taskRows({ dense, runs }: Pick<Report, 'dense' | 'runs'>, labels: readonly string[]): string[][] {
  const rowsOf = (label: string, tasks: Report['dense']['tasks'] = []) =>
    tasks.map(({ task, examples, acc, acc_norm }, index) => {
      const head = [index === 0 ? label : '', task, String(examples)];
      return [...head, ...cells(acc), ...(acc_norm ? cells(acc_norm) : ['', ''])];
    });
  return [...rowsOf('dense', dense.tasks), ...runs.flatMap((run, index) => rowsOf(labels[index], run.tasks))];
}

function cells({ value, error }: TaskAccuracy): [string, string] {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return [percent(value), error === null ? '–' : percent(error)];
}
