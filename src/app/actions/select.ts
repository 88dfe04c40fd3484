import { isRebased } from '../store/results.ts';
import { changeSettings } from '../store/store.ts';
import type { Studio } from '../studio.ts';

/** Choosing a run sets the settings it was made with, so that slider, charts and result speak of the same model. */
export function selectRun(studio: Studio, id: string): void {
  const run = studio.store.getState().results.runs.find((other) => other.id === id);
  if (!run || !isRebased(run)) return;
  const { sparsity, round, schedule, fusion, head } = run.report.bases.options;
  changeSettings(studio.store, {
    sparsity_percent: Math.round(sparsity * 1000) / 10,
    round,
    schedule,
    fusion,
    head,
  });
}
