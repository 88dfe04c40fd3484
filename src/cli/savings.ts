/**
 * @file What each run saved against the open model, and what it cost: bytes and multiplications are told apart, because
 * integers save the one and slicing the other.
 */
import type { Report, RunSummary } from '../engine/report.ts';
import { compact } from './numbers.ts';

export const SAVED_HEADINGS = ['against dense', 'weights', '', 'multiplications/token', ' ', 'perplexity', '  '];

/** One row a run, under {@link SAVED_HEADINGS}; `labels` are the runs' names in the tables above. */
export function savingRows({ dense, runs }: Pick<Report, 'dense' | 'runs'>, labels: readonly string[]): string[][] {
  return runs.map((run, index) => savingRow(run, labels[index], dense));
}

function savingRow(run: RunSummary, label: string, dense: Report['dense']): string[] {
  return [
    label,
    `${compact(run.stored_bytes)}B`,
    change(run.stored_bytes, dense.bytes),
    compact(run.multiplications_per_token),
    change(run.multiplications_per_token, dense.multiplications_per_token),
    run.perplexity.toPrecision(4),
    `× ${(run.perplexity / dense.perplexity).toPrecision(4)}`,
  ];
}

/** "−65.1 %", "+3.0 %", "the same". */
function change(now: number, before: number): string {
  const percent = (100 * (now / before - 1)).toFixed(1);
  if (Number(percent) === 0) return 'the same';
  return `${percent.startsWith('-') ? percent.replace('-', '−') : `+${percent}`} %`;
}
