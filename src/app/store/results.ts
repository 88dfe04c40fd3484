/** @file What has been measured of the open model. Results survive failed and cancelled jobs. */

import type {
  BackendInfo,
  BasesReport,
  EngineEvent,
  ExamplesReport,
  ImportanceReport,
  ModelSummary,
  PerplexityReport,
  ProtocolReport,
  RunReport,
  SiteReport,
  SolveReport,
  TaskReport,
  TaskScore,
  TextReport,
  TextSettings,
  TrainingPoint,
} from '../../engine/protocol.ts';
import type { Exports } from './exports.ts';

/** One point of a live perplexity curve: the mean over the windows so far. */
export interface WindowPoint {
  /** 1 … count. */
  window: number;
  perplexity: number;
  relative_spread: number | null;
  loss: number;
}

/** What a recipe made: the slider's too, which are short for one. */
export interface Run {
  id: string;
  /** A measurement made when the slider was released; only the newest is kept. */
  is_preview?: boolean;
  /** Its weights went with an engine that died: it cannot be exported any more; what was exported stays. */
  is_lost?: boolean;
  /** What the person called it. */
  name?: string;
  /** Stays on top of the table. */
  is_pinned?: boolean;
  report: RunReport;
  /** Absent while it is being measured, and where that was cancelled. */
  perplexity: PerplexityReport | null;
  /** What the texts were when it was made. */
  protocol: ProtocolReport | null;
  exports: Exports;
}

/** One whose bases changed: settings of the slider are what made it. */
export type RebasedRun = Run & { report: { bases: BasesReport } };

/** One whose sites have dimensions of their own is no place of the slider. */
export function isRebased(run: Run): run is RebasedRun {
  const { bases } = run.report;
  return bases !== undefined && bases.options.dimensions === undefined;
}

export interface Solution extends SolveReport {
  /** What it was searched with. */
  protocol: ProtocolReport | null;
  /** Seconds until the best is made and measured: as they were told before, and as they were; absent while it lasts. */
  told_s: number | null;
  taken_s?: number;
}

export interface Results {
  backend: BackendInfo | null;
  model: ModelSummary | null;
  protocol: ProtocolReport | null;
  /** The settings that `protocol` came from. */
  texts: TextSettings | null;
  dense: PerplexityReport | null;
  /** Of the open model as it is. */
  dense_exports: Exports;
  /** Spectra of the dense model, in site order; grows while calibration runs. */
  spectra: { fusion: string; sites: SiteReport[]; is_complete: boolean } | null;
  /** In the order in which they were made. */
  runs: Run[];
  /** Taken off the page and not yet freed, the last one last: they can be put back. */
  removed: readonly Run[];
  /** From a file, in place of the calibration text's; null: the text's. */
  imatrix: ImportanceReport | null;
  /** Files of prompts and answers that recipes may name. */
  examples: readonly ExamplesReport[];
  /** Multiple-choice tasks that are set. */
  tasks: readonly TaskReport[];
  /** On them, in their order, by target ("dense" or a run's id). */
  scores: Readonly<Record<string, readonly TaskScore[]>>;
  /** The last answer to a size that was named. */
  solution: Solution | null;
  /** Live curves by target ("dense" or a run's id). */
  curves: Record<string, WindowPoint[]>;
  /** Of the recipe that runs, or ran last: its newest training as far as it came, and those before it. */
  training: (LiveTraining & { earlier?: LiveTraining[] }) | null;
}

export interface LiveTraining {
  /** As text. */
  step: string;
  steps: number;
  points: TrainingPoint[];
}

export const NO_RESULTS: Results = {
  backend: null,
  model: null,
  protocol: null,
  texts: null,
  dense: null,
  dense_exports: [],
  spectra: null,
  runs: [],
  removed: [],
  imatrix: null,
  examples: [],
  tasks: [],
  scores: {},
  solution: null,
  curves: {},
  training: null,
};

/** Other texts: nothing of the dense model was measured with them yet. Runs stay, with the protocol they were made by. */
export function withTexts(results: Results, protocol: ProtocolReport, texts: TextSettings): Results {
  const { dense: _, ...curves } = results.curves;
  return { ...results, protocol, texts, dense: null, spectra: null, curves, scores: {} };
}

/** What is not known of the dense model yet; null where nothing is missing. */
export function missingMeasures(results: Results, fusion: string): { dense: boolean; spectra: boolean } | null {
  const { model, dense, spectra } = results;
  // A model that cannot be sliced has no spectra to cut.
  const areWanted = model?.shape.slicing_refusal === undefined;
  const missing = { dense: !dense, spectra: areWanted && (!spectra?.is_complete || spectra.fusion !== fusion) };
  return missing.dense || missing.spectra ? missing : null;
}

/** Whether a cancel leaves anything behind. */
export function isAnythingMeasured({ dense, spectra, runs, curves }: Results): boolean {
  return dense !== null || spectra !== null || runs.length > 0 || Object.keys(curves).length > 0;
}

export function addWindow(results: Results, event: Extract<EngineEvent, { type: 'window' }>): Results {
  const { target, index, loss, perplexity, relative_spread } = event;
  const before = index === 0 ? [] : (results.curves[target] ?? []);
  const point = { window: index + 1, perplexity, relative_spread, loss };
  return { ...results, curves: { ...results.curves, [target]: [...before, point] } };
}

/** A training begins anew with its step 0. */
export function addTraining(
  results: Results,
  { step, steps, point }: Extract<EngineEvent, { type: 'training' }>,
): Results {
  const { training } = results;
  if (point.step !== 0) {
    const { points = [], earlier } = training ?? {};
    return { ...results, training: { step, steps, points: [...points, point], ...(earlier && { earlier }) } };
  }
  const { earlier = [], ...last } = training ?? { points: [] };
  const before = 'step' in last ? [...earlier, last] : earlier;
  return { ...results, training: { step, steps, points: [point], ...(before.length > 0 && { earlier: before }) } };
}

/** Adds or replaces one site of the dense spectra; sites of a sequential pass belong to its run, not here. */
export function addSite(results: Results, site: SiteReport, fusion: string): Results {
  const { spectra } = results;
  const known = spectra && !spectra.is_complete && spectra.fusion === fusion ? spectra.sites : [];
  const sites = [...known.filter((other) => other.site !== site.site), site].sort((a, b) => a.site - b.site);
  return { ...results, spectra: { fusion, sites, is_complete: false } };
}

export function addRun(results: Results, run: Run): Results {
  const kept = results.runs.filter((other) => other.id !== run.id && !(run.is_preview && other.is_preview));
  return { ...results, runs: [...kept, run] };
}

export function changeRun(results: Results, id: string, change: Partial<Run>): Results {
  return { ...results, runs: results.runs.map((run) => (run.id === id ? { ...run, ...change } : run)) };
}

/** Changes the exports of a run, or of the open model itself. */
export function changeExports(results: Results, id: 'dense' | string, change: (exports: Exports) => Exports): Results {
  if (id === 'dense') return { ...results, dense_exports: change(results.dense_exports) };
  const { exports } = findRun(results, id) ?? { exports: [] };
  return changeRun(results, id, { exports: change(exports) });
}

export function findRun({ runs }: Results, id: string): Run | undefined {
  return runs.find((run) => run.id === id);
}

/** Takes a run off the page; its curve stays for as long as it can be put back. */
export function takeAway(results: Results, id: string): Results {
  const run = findRun(results, id);
  if (!run) return results;
  const runs = results.runs.filter((each) => each !== run);
  return { ...results, runs, removed: [...results.removed, run] };
}

/** Runs are numbered as they are made: "run-2". */
function numberOf({ id }: Pick<Run, 'id'>): number {
  return Number(/\d+$/.exec(id)?.[0]);
}

export function putBack(results: Results, id: string): Results {
  const run = results.removed.find((each) => each.id === id);
  if (!run) return results;
  const { runs, removed } = results;
  // Where it was: the last run is taken for the newest.
  const later = runs.findIndex((each) => numberOf(each) > numberOf(run));
  const at = later < 0 ? runs.length : later;
  return { ...results, runs: runs.toSpliced(at, 0, run), removed: removed.filter((each) => each !== run) };
}

export function removeRun(results: Results, id: string): Results {
  const { [id]: _, ...curves } = results.curves;
  return { ...results, runs: results.runs.filter((run) => run.id !== id), curves };
}

/** Two perplexities may be compared only where text, windows, their length and the tokenizer agree. */
export function isSameEvaluation(a: ProtocolReport | null, b: ProtocolReport | null): boolean {
  if (!a || !b) return false;
  return (
    a.seqlen === b.seqlen &&
    a.bos === b.bos &&
    a.eval_samples === b.eval_samples &&
    isSameText(a.evaluation, b.evaluation) &&
    a.tokenizer === b.tokenizer
  );
}

/** As above, and calibrated on the same windows: then the same options give the same model. */
export function isSameProtocol(a: ProtocolReport | null, b: ProtocolReport | null): boolean {
  return isSameEvaluation(a, b) && a!.samples === b!.samples && isSameText(a!.calibration, b!.calibration);
}

/** Of the same windows. An earlier version wrote no digests. */
function isSameText(a: TextReport, b: TextReport): boolean {
  const isOther = a.digest !== undefined && b.digest !== undefined && a.digest !== b.digest;
  return a.name === b.name && a.tokens === b.tokens && !isOther;
}
