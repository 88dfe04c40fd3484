/** @file How long the recipe at hand will take here: as it took last, else tried for some seconds on the first layer. */
import { useEffect, useState } from 'react';
import type { Recipe } from '../../compress/recipe/recipe.ts';
import type { ModelSummary, ProtocolReport } from '../../engine/protocol.ts';
import { evaluationSeconds } from '../store/times.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** Whoever goes on at once is not kept waiting, and whoever still types is not tried for. */
const CALM_MS = 1500;

/** What a time was tried for. */
interface Tried {
  model: ModelSummary;
  protocol: ProtocolReport;
  recipe: string;
  seconds: number | null;
}

/** Seconds with the measuring behind it; null while nothing is known. */
export function useRecipeTime(recipe: Recipe | null, isPermitted: boolean): number | null {
  const { engine } = useStudio();
  const model = useStudioState((state) => state.results.model);
  const dense = useStudioState((state) => state.results.dense);
  const protocol = useStudioState((state) => state.results.protocol);
  const runs = useStudioState((state) => state.results.runs);
  const isIdle = useStudioState((state) => state.job.state !== 'running');
  const [tried, setTried] = useState<Tried | null>(null);
  const text = recipe?.text;
  const made = runs.findLast(
    ({ report, is_preview, ...run }) => report.recipe === text && !is_preview && run.protocol === protocol,
  );
  const isKnown = tried?.model === model && tried?.protocol === protocol && tried?.recipe === text;
  const isWanted = isIdle && dense !== null && isPermitted && !isKnown && !made;
  const steps = recipe?.steps;
  useEffect(() => {
    if (!isWanted || !model || !protocol || !steps || text === undefined) return;
    // A job that begins ends the trial.
    const controller = new AbortController();
    const timer = setTimeout(() => {
      engine.run('recipe_time', { steps }, { signal: controller.signal }).then(
        (seconds) => setTried({ model, protocol, recipe: text, seconds }),
        // The run itself says why.
        () => !controller.signal.aborted && setTried({ model, protocol, recipe: text, seconds: null }),
      );
    }, CALM_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [engine, model, protocol, steps, text, isWanted]);
  const own = made ? made.report.duration_ms / 1000 : isKnown ? (tried?.seconds ?? null) : null;
  return own === null ? null : own + (evaluationSeconds(dense) ?? 0);
}
