/** @file Two runs of a job, compared. Pure. */
import type { ReportTimings } from '../engine/report.ts';

/** What the backend computes; loading, writing and verifying are the same on every backend. */
const COMPUTING = ['dense_evaluation', 'compression', 'evaluation'] as const;

export type JobRatio = Partial<ReportTimings> & { computing?: number };

/** By stage, how many times as fast the second run was; stages that took no time are left out. */
export function jobRatio(first: ReportTimings, second: ReportTimings): JobRatio {
  const computing = (times: ReportTimings) => COMPUTING.reduce((sum, stage) => sum + times[stage], 0);
  const pairs: [keyof JobRatio, number, number][] = [
    ...(Object.keys(first) as (keyof ReportTimings)[]).map((stage): [keyof JobRatio, number, number] => [
      stage,
      first[stage],
      second[stage],
    ]),
    ['computing', computing(first), computing(second)],
  ];
  const ratio: JobRatio = {};
  for (const [stage, a, b] of pairs) if (a > 0 && b > 0) ratio[stage] = a / b;
  return ratio;
}

/** Relative. */
export function differenceOf(first: number, second: number): number {
  return Math.abs(second / first - 1);
}
