/** @file How long the search will take: by what it took last, else by a small part of it that is tried, else by a guess. */
import { useEffect, useState } from 'react';
import type { ExportFormat, ModelSummary, ProtocolReport } from '../../engine/protocol.ts';
import { solveSeconds } from '../store/target.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** Whoever goes on at once is not kept waiting. */
const CALM_MS = 1500;

/** What a time was tried for. */
interface Tried {
  model: ModelSummary;
  protocol: ProtocolReport;
  format: ExportFormat;
  seconds: number | null;
}

/** Null while nothing is known. */
export function useSearchTime(model: ModelSummary, format: ExportFormat): number | null {
  const { engine } = useStudio();
  const dense = useStudioState((state) => state.results.dense);
  const protocol = useStudioState((state) => state.results.protocol);
  const last = useStudioState((state) => state.results.solution);
  const samples = useStudioState((state) => state.settings.texts.samples);
  const isIdle = useStudioState((state) => state.job.state !== 'running');
  const [tried, setTried] = useState<Tried | null>(null);
  const isKnown = tried?.model === model && tried.protocol === protocol && tried.format === format;
  // The same search again takes what it took; another format has other ways to try.
  const taken_s = last?.format === format && last.protocol === protocol ? last.taken_s : undefined;
  const isWanted = isIdle && dense !== null && !isKnown && taken_s === undefined;
  useEffect(() => {
    if (!isWanted || !protocol) return;
    // A job that begins ends the trial.
    const controller = new AbortController();
    const timer = setTimeout(() => {
      engine.run('solve_time', { format }, { signal: controller.signal }).then(
        (seconds) => setTried({ model, protocol, format, seconds }),
        // One window, a format that cannot hold it: the search itself says why.
        () => !controller.signal.aborted && setTried({ model, protocol, format, seconds: null }),
      );
    }, CALM_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [engine, model, protocol, format, isWanted]);
  if (taken_s !== undefined) return taken_s;
  if (isKnown && tried.seconds !== null) return tried.seconds + evaluationSeconds(dense);
  return solveSeconds(model, dense, samples);
}

/** The best is measured beside the dense model. */
function evaluationSeconds(dense: { tokens: number; tokens_per_second: number } | null): number {
  return dense && dense.tokens_per_second > 0 ? (2 * dense.tokens) / dense.tokens_per_second : 0;
}
