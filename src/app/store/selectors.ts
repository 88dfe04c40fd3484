/** @file Views of the state that several panels share. */
import { useMemo } from 'react';
import { missingTokens } from '../../engine/plan.ts';
import type { ProtocolReport } from '../../engine/protocol.ts';
import { useStudioState } from '../studio.ts';
import { isReplaceable } from './job.ts';
import { matchingRuns, type Plan, type PlanResult, planOf } from './plan.ts';
import { remembered } from './remembered.ts';
import { findRun, type Results, type Run, type WindowPoint } from './results.ts';
import type { Settings } from './settings.ts';
import { editedDimensions, editedPlan, editsAt, placeOf, type SiteEdits } from './site_dimensions.ts';
import type { StudioState } from './store.ts';

/** One and the same: what has no curve is drawn once. */
const NO_WINDOWS: readonly WindowPoint[] = [];

const NO_PLAN: PlanResult = { plan: null, error: null };

/** The plan of the current settings; both parts null while no model is open, or one that cannot be sliced. */
export function usePlan(): PlanResult {
  return usePlanOf(useStudioState((state) => state.settings));
}

/** The plan of other settings than the current ones: of those that are drawn later than the slider moves. */
export function usePlanOf({ sparsity_percent, round, head }: Settings): PlanResult {
  const model = useStudioState((state) => state.results.model);
  return useMemo(
    () => (model ? planOf(model, { sparsity_percent, round, head }) : NO_PLAN),
    [model, sparsity_percent, round, head],
  );
}

/** The dimensions that charts draw: the slider's, but for sites that were moved by hand. */
export function useEdited(): { plan: Plan | null; edits: SiteEdits; isEdited: boolean } {
  const model = useStudioState((state) => state.results.model);
  const settings = useStudioState((state) => state.settings);
  const edits = useStudioState((state) => state.edits);
  return editedAt(model, settings, edits);
}

/** Whether the text has too few tokens for what is kept: directions it has no say in look as if nothing were lost with them. */
export function useIsShort(): boolean {
  return useStudioState(isShortIn);
}

export function isShortIn(state: Pick<StudioState, 'results' | 'settings'>): boolean {
  return shortageIn(state) !== undefined;
}

/** The same in words. Counted is what was measured with, which slices are made with: not the windows chosen since. */
export function shortageIn({
  results: { model, protocol },
  settings,
}: Pick<StudioState, 'results' | 'settings'>): string | undefined {
  const plan = model && protocol && planOf(model, settings).plan;
  return plan ? missingTokens(protocol, plan.dimension) : undefined;
}

const editedAt = remembered((model: Results['model'], settings: Settings, edits: SiteEdits) => {
  const plan = model && planOf(model, settings).plan;
  if (!model || !plan) return { plan, edits, isEdited: false };
  const now = editsAt(edits, placeOf(model, settings));
  const dimensions = editedDimensions(plan, now, model.shape.hidden_size);
  const isEdited = dimensions.some((dimension, site) => dimension !== plan.dimensions[site]);
  return { plan: isEdited ? editedPlan(model, plan, dimensions) : plan, edits: now, isEdited };
});

/** The run that the Result panel speaks of: of these settings exactly, else their quick measure. */
export function shownRun(results: Results, settings: Settings): Run | null {
  if (!results.model) return null;
  return matchingRuns(results, settings, planOf(results.model, settings).plan).shown;
}

/** Of the run that the result speaks of. */
function runShown({ results, settings, selected }: Pick<StudioState, 'results' | 'settings' | 'selected'>): Run | null {
  return (selected !== null && findRun(results, selected)) || shownRun(results, settings);
}

/** What comes next: to make a model, to write the one that was made to a file, or to save that file. */
export type Lead = 'make' | 'export' | 'save';

export function leadOf(state: Pick<StudioState, 'results' | 'settings' | 'selected'>): Lead {
  const run = runShown(state);
  if (!run?.perplexity || run.is_preview || run.is_lost) return 'make';
  const done = run.exports.filter((entry) => entry.state === 'done');
  if (done.length === 0) return 'export';
  return done.some(({ is_saved }) => is_saved) ? 'make' : 'save';
}

type LeadState = Parameters<typeof leadOf>[0];
let known: { of: LeadState; lead: Lead } | null = null;

/** Asked by several buttons at every move of the slider: found once for each state. */
export function useLead(): Lead {
  return useStudioState(({ results, settings, selected }) => {
    const isKnown = known?.of.results === results && known.of.settings === settings && known.of.selected === selected;
    if (!known || !isKnown)
      known = { of: { results, settings, selected }, lead: leadOf({ results, settings, selected }) };
    return known.lead;
  });
}

/** Whether a job runs that may not be replaced; see {@link isReplaceable}. */
export function useIsBusy(): boolean {
  return useStudioState((state) => !isReplaceable(state.job));
}

/** Whether an opening or a measurement was cancelled before the model's own figures were there: what leads on is then to measure. */
export function wasLeftUnmeasured({ job, results }: Pick<StudioState, 'job' | 'results'>): boolean {
  const wasCancelled = job.state === 'finished' && job.outcome === 'cancelled';
  return wasCancelled && results.model !== null && results.dense === null;
}

export interface ShownCurves {
  dense: readonly WindowPoint[];
  made: readonly WindowPoint[];
  /** Whose the second curve is; it may have no windows yet. */
  run: Run | null;
  /** What the curves were measured with; null while there is none. */
  protocol: ProtocolReport | null;
}

/** The dense curve, and over it that of the run being measured at this moment, else that of the shown run. */
export function shownCurves({
  results,
  settings,
  job,
  selected = null,
}: Pick<StudioState, 'results' | 'settings' | 'job'> & { selected?: string | null }): ShownCurves {
  const { curves } = results;
  const evaluating = job.state === 'running' && !job.cancelling ? job.evaluating : undefined;
  const of = (id: string | null | undefined) => (id ? findRun(results, id) : undefined);
  const measuring = evaluating && curves[evaluating] ? of(evaluating) : undefined;
  const run = measuring ?? of(selected) ?? shownRun(results, settings);
  const dense = curves.dense ?? NO_WINDOWS;
  const made = (run && curves[run.id]) ?? NO_WINDOWS;
  let protocol: ProtocolReport | null = null;
  if (run && made.length > 0) protocol = run.perplexity?.protocol ?? run.protocol;
  else if (dense.length > 0) protocol = results.dense?.protocol ?? results.protocol;
  return { dense, made, run, protocol };
}
