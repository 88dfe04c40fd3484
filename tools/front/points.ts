/** @file Runs of reports as points of divergence against bytes, and those that nothing smaller beats. */
import { requireMethod } from '../../src/compress/registry.ts';
import type { Report, RunSummary } from '../../src/engine/report.ts';

export type Group = 'prune' | 'quantise' | 'factor' | 'slice';

export interface Point {
  readonly recipe: string;
  readonly group: Group;
  readonly bytes: number;
  readonly kl: number;
  readonly run: RunSummary;
}

export const GROUPS: Readonly<Record<Group, { label: string; shape: string }>> = {
  quantise: { label: 'integers', shape: 'circle' },
  prune: { label: 'pruning', shape: 'square' },
  factor: { label: 'low rank', shape: 'triangle' },
  slice: { label: 'slicing', shape: 'diamond' },
};

function groupOf({ steps }: RunSummary): Group {
  const groups = steps.map(({ method }) => requireMethod(method).about.group);
  return (groups.filter((group) => group in GROUPS).at(-1) ?? 'quantise') as Group;
}

export function pointsOf(reports: readonly Report[]): Point[] {
  const runs = reports.flatMap((report) => report.runs);
  return runs.flatMap((run) =>
    run.kl_divergence === undefined
      ? []
      : [{ recipe: run.recipe, group: groupOf(run), bytes: run.bytes, kl: Math.max(run.kl_divergence, 1e-5), run }],
  );
}

/** Points that nothing of as few bytes beats, the smallest first. */
export function frontOf(points: readonly Point[]): Point[] {
  const front: Point[] = [];
  for (const point of [...points].sort((a, b) => a.bytes - b.bytes || a.kl - b.kl)) {
    if (front.every(({ kl }) => point.kl < kl)) front.push(point);
  }
  return front;
}

/** Short enough to stand in a table or a legend. */
export function shortName({ recipe, run }: Point): string {
  return run.solver ? `target size ${(run.solver.target_bytes / 1e6).toPrecision(3)} MB` : recipe;
}
