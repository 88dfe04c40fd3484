/** @file The store as it is kept, and back: without jobs, previews and what only a living engine can know. */
import type { KeptMetrics } from '../../engine/metrics/metrics.ts';
import type { ModelSource } from '../../engine/protocol.ts';
import { handleOf, type PickedHandle } from '../../platform/picked_handles.ts';
import type { SessionInfo } from '../../platform/session_records.ts';
import type { JobKind, RunningJob } from '../store/job.ts';
import { NO_RESULTS, type Results, type Run } from '../store/results.ts';
import { NO_EDITS, type SiteEdits } from '../store/site_dimensions.ts';
import type { StudioState } from '../store/store.ts';
import type { Work } from '../store/work.ts';

export const DATA_VERSION = 2;

type Kept = Pick<StudioState, 'selected' | 'recipe' | 'front' | 'site' | 'durations'>;

export interface SessionData extends Kept {
  version: number;
  settings: Omit<StudioState['settings'], 'texts' | 'theme'>;
  results: Omit<Results, 'texts'>;
  /** The job that was running. */
  work: Work | null;
  /** Absent in sessions that were kept before they were. */
  metrics?: KeptMetrics;
  edits?: SiteEdits;
}

/** What may be large, or cannot be written as JSON. */
export interface SessionFiles {
  texts: StudioState['settings']['texts'];
  measured: Results['texts'];
  source: KeptSource | null;
}

export type KeptSource =
  | Exclude<ModelSource, { kind: 'files' }>
  | { kind: 'files'; files: { path: string; name: string; bytes: number; handle: PickedHandle | null }[] };

export function dataOf(state: StudioState, metrics: KeptMetrics): SessionData {
  const { settings, results, selected, recipe, front, site, durations, edits, job } = state;
  const { texts: _, theme: __, ...chosen } = settings;
  const { texts: ___, ...measured } = results;
  const runs = results.runs.filter(({ is_preview }) => !is_preview).map(settled);
  return {
    ...{ version: DATA_VERSION, settings: chosen, selected, recipe, front, site, durations, edits },
    results: {
      ...measured,
      ...{ runs, removed: [], imatrix: null, examples: [] },
      dense_exports: results.dense_exports.filter(({ state }) => state === 'done'),
    },
    work: job.state === 'running' ? (job.work ?? null) : null,
    metrics,
  };
}

/** An export that is being written is none. */
function settled(run: Run): Run {
  return { ...run, exports: run.exports.filter(({ state }) => state === 'done') };
}

export function filesOf({ settings, results, source }: StudioState): SessionFiles {
  return { texts: settings.texts, measured: results.texts, source: keptSource(source) };
}

function keptSource(source: ModelSource | null): KeptSource | null {
  if (source?.kind !== 'files') return source;
  const files = source.files.map(({ path, file }) => {
    return { path, name: file.name, bytes: file.size, handle: handleOf(file) ?? null };
  });
  return { kind: 'files', files };
}

const NO_WORK: readonly JobKind[] = ['start', 'preview', 'recover', 'restore', 'discard'];

/** Until a model is open, the one that it takes the place of is what is kept: nothing of that is broken off. */
function isForAnother({ kind, steps, index }: RunningJob): boolean {
  return kind === 'download' || (kind === 'open' && steps[index]?.command === 'open');
}

export function infoOf(state: StudioState, session: { id: string; engines: number }): SessionInfo {
  const { results, job, sessions } = state;
  const model = results.model?.name ?? '';
  const isWork = job.state === 'running' && !NO_WORK.includes(job.kind) && !isForAnother(job);
  return {
    ...session,
    ...{ name: sessions.name ?? model, model, fingerprint: results.model?.fingerprint ?? '' },
    runs: runsOf(results).length,
    saved_at: Date.now(),
    unfinished: isWork ? { title: job.title, layer: job.layer, layers: job.layers } : null,
  };
}

export function runsOf({ runs }: Pick<Results, 'runs'>): Run[] {
  return runs.filter(({ is_preview }) => !is_preview);
}

/** Whether there is anything that a person would miss. */
export function hasWork({ results, job }: StudioState): boolean {
  return (
    runsOf(results).length + results.dense_exports.length > 0 || (job.state === 'running' && job.work !== undefined)
  );
}

/** The store's part of a kept session. Runs count as lost until the engine has them back. */
export function restoredState(state: StudioState, data: SessionData, files: SessionFiles): Partial<StudioState> {
  const { settings, results, selected, recipe, front, site, durations, edits = NO_EDITS } = data;
  return {
    ...{ selected, recipe, front, site, durations, edits },
    settings: { ...state.settings, ...settings, texts: files.texts, theme: state.settings.theme },
    results: {
      ...NO_RESULTS,
      ...results,
      ...{ backend: state.results.backend, texts: files.measured, removed: [] },
      runs: results.runs.map((run) => ({ ...run, is_lost: true })),
    },
  };
}
