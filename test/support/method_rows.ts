/** @file Rows of `shared/reference/methods`, `shared/torch/experiments_*.jsonl` and `fixtures/drift.json`, and what is held to them. */
import { expect } from 'vitest';
import drift from '../fixtures/drift.json';
import { readSharedJson, readSharedText, sharedModelFiles } from '../shared.ts';
import type { Measured } from './recipe_job.ts';
import { relativeDifference, type TestJob, testJob } from './slice_job.ts';

export interface Row {
  method: string;
  settings: Record<string, unknown>;
  perplexity: number;
  kl: number;
  top1: number;
  bytes: number;
  params: number;
}

interface Reference {
  protocol: { seqlen: number; samples: number; eval_samples: number };
  methods: Row[];
}

/** Figures of `tools/solvers/drift.py`, by model and recipe. */
export const DRIFT = drift as Record<string, Record<string, Omit<Row, 'method' | 'settings'>>>;

export const TEXTS: Readonly<Record<string, string>> = { stories260k: 'stories', 'opt-tiny': 'brown', demo: 'brown' };

/** The model with the windows of the protocol, and every row of it. */
export async function referenceJob(model: string): Promise<{ job: TestJob; rows: readonly Row[] }> {
  const { protocol, methods } = readSharedJson('reference', 'methods', `methods_${model}.json`) as Reference;
  const text = (part: string) => readSharedText('text', `${TEXTS[model]}.${part}.txt`);
  const texts = { calibration: text('calibration'), evaluation: text('evaluation') };
  const own = Object.entries(DRIFT[model] ?? {}).map(([method, row]) => ({ method, settings: {}, ...row }));
  const rows = [...methods, ...experiments(model), ...own];
  return { job: await testJob(await sharedModelFiles(model), texts, protocol), rows };
}

function experiments(model: string): Row[] {
  const lines = readSharedText('torch', `experiments_${model}.jsonl`).split('\n').filter(Boolean);
  return lines.map((line) => {
    const { experiment, ...row } = JSON.parse(line) as Row & { experiment: string };
    return { ...row, method: experiment };
  });
}

export function rowOf(rows: readonly Row[], method: string, settings: Record<string, unknown>): Row | undefined {
  const wanted = JSON.stringify(settings);
  return rows.find((each) => each.method === method && JSON.stringify(each.settings) === wanted);
}

/** How far a figure may be from the reference's: perplexity and divergence as shares of it, top-1 as it is. */
export interface RowTolerance {
  perplexity: number;
  kl: number;
  top1: number;
}

export const CLOSE: RowTolerance = { perplexity: 5e-3, kl: 0.03, top1: 5e-3 };
/** Where a tie of roundings moves a row. */
export const LOOSE: RowTolerance = { perplexity: 0.03, kl: 0.08, top1: 0.02 };
/** Bytes and counts exact; a divergence may be off by 2e-5 whatever its size. */
export function expectRow(found: Measured, row: Row, tolerance = CLOSE): void {
  expect(found.bytes).toBe(row.bytes);
  expect(found.parameters).toBe(row.params);
  const off = relativeDifference(found.perplexity, row.perplexity);
  expect(off, `${found.perplexity} against ${row.perplexity}`).toBeLessThan(tolerance.perplexity);
  const most = Math.max(tolerance.kl * row.kl, 2e-5);
  expect(Math.abs(found.kl - row.kl), `${found.kl} against ${row.kl}`).toBeLessThan(most);
  expect(Math.abs(found.top1 - row.top1)).toBeLessThan(tolerance.top1);
}

/**
 * A row that rounding moves as a whole: within three standard deviations of what the oracle itself gives, run after run, or
 * within 0.5 % and 3 % of its mean where those are more. Bytes and counts exact.
 */
export function expectSpread(found: Measured, runs: readonly Row[]): void {
  const [{ bytes, params }] = runs;
  expect(found).toMatchObject({ bytes, parameters: params });
  for (const [figure, share] of [
    ['perplexity', 5e-3],
    ['kl', 0.03],
  ] as const) {
    const values = runs.map((run) => run[figure]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    // The mean of so few is uncertain, too.
    const most = Math.max(share * mean, 3 * Math.sqrt(variance * (1 + 1 / values.length)));
    expect(Math.abs(found[figure] - mean), `${figure} ${found[figure]} against ${values.join(', ')}`).toBeLessThan(
      most,
    );
  }
}
