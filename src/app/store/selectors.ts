/** @file Views of the state that several panels share. */
import { useMemo } from 'react';
import { useStudioState } from '../studio.ts';
import { matchingRuns, type PlanResult, planOf } from './plan.ts';
import type { Results, Run, WindowPoint } from './results.ts';
import type { Settings } from './settings.ts';

const NO_PLAN: PlanResult | { plan: null; error: null } = { plan: null, error: null };

/** The plan of the current settings; both parts null while no model is open. */
export function usePlan(): PlanResult | { plan: null; error: null } {
  const model = useStudioState((state) => state.results.model);
  const settings = useStudioState((state) => state.settings);
  return useMemo(() => (model ? planOf(model, settings) : NO_PLAN), [model, settings]);
}

/** The run that the Result panel speaks of: of these settings exactly, else their quick measure. */
export function shownRun(results: Results, settings: Settings): Run | null {
  if (!results.model) return null;
  const { plan } = planOf(results.model, settings);
  const { run, quick } = matchingRuns(results, settings, plan);
  return run ?? quick;
}

/** The sliced curve to draw: the one being measured, else that of the shown run. */
export function shownCurve(results: Results, settings: Settings): { run: Run | null; points: WindowPoint[] } {
  const measuring = results.runs.findLast((run) => !run.perplexity && results.curves[run.id]);
  const run = measuring ?? shownRun(results, settings);
  return { run, points: run ? (results.curves[run.id] ?? []) : [] };
}
