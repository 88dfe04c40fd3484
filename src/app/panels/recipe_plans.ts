/** @file What the engine says of recipes before they run. It answers from shapes alone, between jobs. */
import { useEffect, useState } from 'react';
import { makeRecipe, type Recipe } from '../../compress/recipe/recipe.ts';
import { METHODS } from '../../compress/registry.ts';
import type { PlanReport } from '../../engine/protocol.ts';
import { type ErrorData, toErrorData } from '../../errors/errors.ts';
import { useStudio, useStudioState } from '../studio.ts';

export interface PlanState {
  report: PlanReport | null;
  error: ErrorData | null;
}

const NONE: PlanState = { report: null, error: null };
/** Typing and dragging ask once, at their end. */
const SETTLE_MS = 120;

export function usePlanOf(recipe: Recipe | null): PlanState {
  const { engine } = useStudio();
  const model = useStudioState((state) => state.results.model);
  const isIdle = useStudioState((state) => state.job.state !== 'running');
  const [state, setState] = useState<{ of: string; plan: PlanState } | null>(null);
  const format = useStudioState(({ settings }) => settings.export.sliced.format);
  const { seqlen, samples, eval_samples } = useStudioState(({ settings }) => settings.texts);
  const examples = useStudioState((state) => state.results.examples);
  const key = recipe ? `${format} ${seqlen} ${samples} ${eval_samples} ${recipe.text}` : undefined;
  const isKnown = state !== null && state.of === key;
  useEffect(() => {
    if (!model || !recipe || !isIdle || isKnown) return;
    let isStale = false;
    const timer = setTimeout(async () => {
      const plan = await engine
        .run('plan', { steps: recipe.steps, formats: [format], windows: { seqlen, samples, eval_samples } })
        .then((report) => ({ report, error: null }))
        .catch((thrown) => ({ report: null, error: toErrorData(thrown) }));
      if (!isStale) setState({ of: key ?? '', plan });
    }, SETTLE_MS);
    return () => {
      isStale = true;
      clearTimeout(timer);
    };
  }, [engine, model, recipe, format, key, isIdle, isKnown, seqlen, samples, eval_samples]);
  // Another model or other files: nothing that was told holds.
  // biome-ignore lint/correctness/useExhaustiveDependencies: they are what makes it stale
  useEffect(() => setState(null), [model, examples]);
  // A recipe that cannot be has no size, least of all the last one's.
  return isKnown ? state.plan : NONE;
}

/** Why the open model does not permit a method with its defaults, by name. Asked once for each model. */
export function useRefusals(): ReadonlyMap<string, string> {
  const { engine } = useStudio();
  const model = useStudioState((state) => state.results.model);
  const isIdle = useStudioState((state) => state.job.state !== 'running');
  const [known, setKnown] = useState<{ of: unknown; reasons: ReadonlyMap<string, string> } | null>(null);
  const isKnown = known?.of === model;
  useEffect(() => {
    if (!model || !isIdle || isKnown) return;
    let isStale = false;
    void (async () => {
      const reasons = new Map<string, string>();
      for (const { name, role = 'step' } of METHODS) {
        // The others act within a step, and are judged with it.
        if (role !== 'step' || isStale) continue;
        const report = await engine.run('plan', { steps: makeRecipe([{ method: name }]).steps }).catch(() => null);
        const reason = report?.refusals[0]?.reason;
        if (reason) reasons.set(name, reason);
      }
      if (!isStale) setKnown({ of: model, reasons });
    })();
    return () => {
      isStale = true;
    };
  }, [engine, model, isIdle, isKnown]);
  return isKnown && known ? known.reasons : NO_REASONS;
}

const NO_REASONS: ReadonlyMap<string, string> = new Map();
