import type { ModelSummary } from '../../engine/protocol.ts';
import { solveSeconds } from '../store/target.ts';
import { useStudioState } from '../studio.ts';

export function useSearchTime(model: ModelSummary): number | null {
  return useStudioState(({ results, settings, durations }) =>
    solveSeconds(model, results.dense, settings.texts.samples, durations),
  );
}
