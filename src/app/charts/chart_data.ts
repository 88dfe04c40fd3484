/** @file Rows for the charts, from results. Pure, and small: no chart draws more than {@link MAX_POINTS} points. */
import type { ModelSummary, Precision, ProtocolReport, Schedule } from '../../engine/protocol.ts';
import { isSameEvaluation, type Results, type Run, type WindowPoint } from '../store/results.ts';
import { slicedTotal } from '../store/sizes.ts';

export const MAX_POINTS = 300;

export interface CurveRow {
  window: number;
  dense?: number;
  dense_band?: [number, number];
  sliced?: number;
  sliced_band?: [number, number];
}

/** Both running means side by side, window by window; the shorter one simply ends. */
export function curveRows(dense: readonly WindowPoint[], sliced: readonly WindowPoint[]): CurveRow[] {
  const length = Math.max(dense.length, sliced.length);
  const rows: CurveRow[] = [];
  for (let index = 0; index < length; index++) {
    rows.push({
      window: index + 1,
      dense: dense[index]?.perplexity,
      dense_band: band(dense[index]),
      sliced: sliced[index]?.perplexity,
      sliced_band: band(sliced[index]),
    });
  }
  return thin(rows);
}

function band(point: WindowPoint | undefined): [number, number] | undefined {
  // One window has no spread; neither has a perplexity that is none.
  if (!point || point.window < 2 || point.relative_spread === null || !Number.isFinite(point.relative_spread))
    return undefined;
  const spread = point.perplexity * point.relative_spread;
  return [Math.max(0, point.perplexity - spread), point.perplexity + spread];
}

export interface SpectrumRow {
  /** 1 … D. */
  index: number;
  eigenvalue: number | null;
}

/** Eigenvalues for a log axis. What is not positive, or below rounding, has no place there and is left out. */
export function spectrumRows(eigenvalues: ArrayLike<number>): SpectrumRow[] {
  const floor = (eigenvalues[0] ?? 0) * 1e-14;
  const rows = Array.from(eigenvalues, (value, index) => ({
    index: index + 1,
    eigenvalue: value > floor ? value : null,
  }));
  return thin(rows);
}

/** At most {@link MAX_POINTS} rows, evenly, always with the first and the last. */
export function thin<T>(rows: readonly T[]): T[] {
  if (rows.length <= MAX_POINTS) return [...rows];
  const step = (rows.length - 1) / (MAX_POINTS - 1);
  return Array.from({ length: MAX_POINTS }, (_, index) => rows[Math.round(index * step)]);
}

export interface SizePoint {
  id: string;
  label: string;
  bytes: number;
  perplexity: number;
  kind: 'dense' | 'recipe' | Schedule;
  is_preview: boolean;
  parameters: number;
  protocol: ProtocolReport;
}

/** The dense model and each run measured on the same windows; `omitted` counts runs of another protocol. */
export function sizePoints(
  results: Results,
  precision: Precision = 'stored',
): { points: SizePoint[]; omitted: number } {
  const { model, dense, runs, recipe_runs, protocol } = results;
  if (!model) return { points: [], omitted: 0 };
  const points: SizePoint[] = [];
  if (dense) {
    points.push({
      id: 'dense',
      label: 'dense',
      bytes: model.bytes,
      perplexity: dense.perplexity,
      kind: 'dense',
      is_preview: false,
      parameters: model.parameters,
      protocol: dense.protocol,
    });
  }
  let omitted = 0;
  for (const run of runs) {
    if (!run.perplexity) continue;
    if (isSameEvaluation(run.perplexity.protocol, protocol))
      points.push(runPoint(model, run, run.perplexity.perplexity, precision));
    else omitted += 1;
  }
  for (const { id, report, perplexity } of recipe_runs) {
    if (!perplexity) continue;
    if (!isSameEvaluation(perplexity.protocol, protocol)) {
      omitted += 1;
      continue;
    }
    points.push({
      id,
      label: report.recipe,
      bytes: report.stored_bytes,
      perplexity: perplexity.perplexity,
      kind: 'recipe',
      is_preview: false,
      parameters: report.parameters,
      protocol: perplexity.protocol,
    });
  }
  return { points, omitted };
}

function runPoint(model: ModelSummary, run: Run, perplexity: number, precision: Precision): SizePoint {
  const { slice } = run;
  return {
    id: run.id,
    label: `${Math.round(slice.options.sparsity * 1000) / 10} %`,
    bytes: slicedTotal(model, slice, precision),
    perplexity,
    kind: slice.options.schedule,
    is_preview: run.is_preview,
    parameters: slice.parameters,
    protocol: run.perplexity!.protocol,
  };
}

/** What a site is called on an axis: "layer 3 MLP input" is "3 mlp". Which sites there are depends on the model's blocks. */
export function siteName(label: string): string {
  return label
    .replace(/^layer /, '')
    .replace('embedding', 'emb')
    .replace('MLP input', 'mlp')
    .replace('output', 'out');
}
