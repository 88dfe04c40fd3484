/** @file What would be gone if the page were closed or another model opened now. */
import type { ExportEntry } from './exports.ts';
import type { JobKind } from './job.ts';
import type { Results, Run } from './results.ts';
import type { StudioState } from './store.ts';

export interface Losses {
  /** Title of the job that runs. */
  job: string | null;
  /** Runs of which no export was saved. */
  runs: number;
  /** Verified exports that were not saved. */
  exports: number;
}

/** What they make is made again by itself. */
const FREE: ReadonlySet<JobKind> = new Set(['start', 'recover', 'restore', 'preview', 'discard']);

/** What a session keeps is not lost. */
export function lossesOf({ job, results, sessions }: Pick<StudioState, 'job' | 'results' | 'sessions'>): Losses {
  const { runs } = results;
  const isKept = sessions.kept === 'yes' || sessions.reading !== null;
  const exports = [results.dense_exports, ...runs.map((run) => run.exports)].flat();
  return {
    job: job.state === 'running' && !FREE.has(job.kind) ? job.title : null,
    runs: runs.filter((run) => isUnsaved(run) && !(isKept && isStored(run))).length,
    exports: isKept ? 0 : exports.filter((entry) => entry.state === 'done' && !entry.is_saved).length,
  };
}

export function isAnyLost({ job, runs, exports }: Losses): boolean {
  return job !== null || runs > 0 || exports > 0;
}

/** Whether the engine wrote its weights down; figures without weights are all that is left of a lost one. */
function isStored(run: Run): boolean {
  return run.is_lost || run.report.unkept === undefined;
}

/** A quick measure is replaced by the next one without a question, so it is nobody's work. */
function isUnsaved(run: Run): boolean {
  if (run.is_preview) return false;
  return !run.exports.some((entry) => entry.state === 'done' && entry.is_saved);
}

/** For people, one sentence each. */
export function lossTexts({ job, runs, exports }: Losses): string[] {
  const texts: string[] = [];
  if (job !== null) texts.push(`${job} is running and would be stopped.`);
  if (runs > 0) texts.push(`${runs === 1 ? '1 run is' : `${runs} runs are`} kept nowhere but in this page.`);
  if (exports > 0) texts.push(`${exports === 1 ? '1 export was' : `${exports} exports were`} not saved.`);
  return texts;
}

/** Marks files as saved. One file is enough where it is the largest: the weights; the small ones are made from it. */
export function withSaved(entry: ExportEntry, names: readonly string[] | 'all'): ExportEntry {
  if (entry.state !== 'done' || entry.is_saved) return entry;
  const [largest] = [...entry.report.files].sort((a, b) => b.bytes - a.bytes);
  return names === 'all' || !largest || names.includes(largest.name) ? { ...entry, is_saved: true } : entry;
}

/** Marks the export that lies in this folder. */
export function markSaved(results: Results, folder: string, names: readonly string[] | 'all'): Results {
  const mark = (entry: ExportEntry) =>
    entry.state === 'done' && entry.report.folder === folder ? withSaved(entry, names) : entry;
  return {
    ...results,
    dense_exports: results.dense_exports.map(mark),
    runs: results.runs.map((run) => ({ ...run, exports: run.exports.map(mark) })),
  };
}
