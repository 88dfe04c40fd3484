/** @file Rows of the table of runs, their order, and what two of them differ in, window by window. */
import type { ModelSummary, PerplexityReport } from '../../engine/protocol.ts';
import { csvText } from '../csv.ts';
import { labelOf, recipeOf } from './front.ts';
import { denseFigures, type Figures, figureColumns, QUANTITY_NAMES, type Quantity, runFigures } from './quantities.ts';
import { isSameEvaluation, type Results, type Run } from './results.ts';
import type { Settings } from './settings.ts';

export interface RunRow {
  id: 'dense' | string;
  label: string;
  /** The recipe in full; what a name stands for. */
  recipe: string;
  /** "quick", "other texts", "weights lost". */
  remarks: readonly string[];
  is_pinned: boolean;
  figures: Figures;
  /** Exports that were verified. */
  files: number;
  measured: PerplexityReport | null;
}

export type SortKey = 'label' | Quantity;

export function runRows(results: Results, settings: Pick<Settings, 'export'>): RunRow[] {
  const { model, dense, dense_exports } = results;
  if (!model) return [];
  const rows = results.runs.map((run) => runRow(results, model, run, settings));
  const original: RunRow = {
    figures: denseFigures(model, dense),
    measured: dense,
    id: 'dense',
    label: 'dense',
    recipe: 'as it was opened',
    remarks: [],
    is_pinned: true,
    files: dense_exports.filter(({ state }) => state === 'done').length,
  };
  return [original, ...rows];
}

function runRow(results: Results, model: ModelSummary, run: Run, settings: Pick<Settings, 'export'>): RunRow {
  const measured = run.perplexity;
  const remarks = [
    run.is_preview && 'quick',
    measured && !isSameEvaluation(measured.protocol, results.protocol) && 'other texts',
    run.is_lost && 'weights lost',
  ].filter((remark) => typeof remark === 'string');
  return {
    figures: runFigures(results, model, run, settings),
    measured,
    id: run.id,
    label: labelOf(run),
    recipe: recipeOf(run),
    remarks,
    is_pinned: run.is_pinned ?? false,
    files: run.exports.filter(({ state }) => state === 'done').length,
  };
}

/** Pinned rows stay on top, in the order asked for; what was not measured goes last either way. */
export function sortRows(rows: readonly RunRow[], key: SortKey | null, isDescending: boolean): RunRow[] {
  const sign = isDescending ? -1 : 1;
  const original = rows.filter(({ id }) => id === 'dense');
  const rest = rows.filter(({ id }) => id !== 'dense');
  const compare = (a: RunRow, b: RunRow) => {
    if (a.is_pinned !== b.is_pinned) return a.is_pinned ? -1 : 1;
    if (key === null) return 0;
    if (key === 'label') return sign * a.label.localeCompare(b.label, 'en', { numeric: true });
    const [left, right] = [figureOf(a, key), figureOf(b, key)];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return sign * (left - right);
  };
  return [...original, ...rest.sort(compare)];
}

function figureOf(row: RunRow, key: Exclude<SortKey, 'label'>): number | null {
  return row.figures[key]?.value ?? null;
}

/** RFC 4180: every figure with all its digits, in units that the head names. */
export function toCsv(rows: readonly RunRow[]): string {
  const columns = QUANTITY_NAMES.flatMap((name) => figureColumns(name, ({ figures }: RunRow) => figures));
  const head = ['name', 'recipe', ...columns.map(({ name }) => name), 'evaluation', 'windows', 'seqlen', 'bos'];
  const lines = rows.map((row) => {
    const protocol = row.measured?.protocol;
    return [
      ...[row.label, row.recipe, ...columns.map(({ value }) => value(row))],
      ...[protocol?.evaluation.name, protocol?.eval_samples, protocol?.seqlen, protocol?.bos],
    ];
  });
  return csvText([head, ...lines]);
}

export interface PairedDifference {
  /** Of each window's mean loss, b − a, in nats a token. */
  windows: readonly number[];
  mean: number;
  /** Standard error of the mean; null for one window. */
  error: number | null;
}

/** The same windows by two models: what they share cancels out. Null where they were not measured on the same ones. */
export function pairedDifference(a: PerplexityReport | null, b: PerplexityReport | null): PairedDifference | null {
  if (!a || !b || !isSameEvaluation(a.protocol, b.protocol)) return null;
  if (a.window_losses.length === 0 || a.window_losses.length !== b.window_losses.length) return null;
  const windows = b.window_losses.map((loss, index) => loss - a.window_losses[index]);
  const mean = windows.reduce((sum, each) => sum + each, 0) / windows.length;
  if (windows.length < 2) return { windows, mean, error: null };
  const squares = windows.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  return { windows, mean, error: Math.sqrt(squares / (windows.length - 1) / windows.length) };
}
