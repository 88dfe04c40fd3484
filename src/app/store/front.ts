/** @file The front: every measured model and every verified file as a point, on axes that are chosen. */
import type { ModelSummary, PerplexityReport, Precision, ProtocolReport } from '../../engine/protocol.ts';
import { runName } from '../format.ts';
import type { ExportEntry } from './exports.ts';
import { isSameEvaluation, type RecipeRun, type Results, type Run } from './results.ts';
import type { Settings } from './settings.ts';
import { chosenPrecision, slicedTotal } from './sizes.ts';

/** A figure with its standard error; null where it has none. */
export interface Figure {
  value: number;
  error: number | null;
}

export interface FrontPoint {
  /** One for each point. */
  key: string;
  /** Whose: `dense` or a run's id. */
  id: 'dense' | string;
  kind: 'dense' | 'run' | 'file';
  /** What people call it. */
  label: string;
  /** "embed + correct + gptq": points of a colour. Empty for the dense model. */
  methods: string;
  /** Of the numbers in the file: the shape of the point. */
  precision: Precision;
  is_preview: boolean;
  protocol: ProtocolReport;
  x: Partial<Record<XAxis, number>>;
  y: Partial<Record<YAxis, Figure>>;
}

export type XAxis = 'bytes' | 'memory' | 'prefill' | 'decode';
export type YAxis = 'perplexity' | 'kl' | 'top1';

export interface Front {
  points: FrontPoint[];
  /** Measured on other texts: not comparable. */
  omitted: number;
}

/** All that was measured on the texts in use, whatever made it. */
export function frontOf(results: Results, settings: Pick<Settings, 'export'>): Front {
  const { model, dense, dense_exports, protocol } = results;
  if (!model) return { points: [], omitted: 0 };
  const all: FrontPoint[] = [];
  if (dense) {
    const base = { id: 'dense', label: 'dense', methods: '', is_preview: false };
    const x = { bytes: model.bytes, memory: model.bytes, prefill: dense.tokens_per_second };
    const y = { perplexity: perplexityOf(dense) };
    all.push({ ...base, key: 'dense', kind: 'dense', precision: 'stored', protocol: dense.protocol, x, y });
    all.push(...files(base, dense_exports));
  }
  for (const run of [...results.runs, ...results.recipe_runs]) {
    if (!run.perplexity) continue;
    const base = {
      id: run.id,
      label: labelOf(run),
      methods: methodsOf(run),
      is_preview: 'slice' in run && run.is_preview,
    };
    const { x, precision } = sizesOf(model, run, run.perplexity, settings);
    const y = qualityOf(run.perplexity);
    all.push({ ...base, key: run.id, kind: 'run', precision, protocol: run.perplexity.protocol, x, y });
    all.push(...files(base, run.exports));
  }
  const points = all.filter((point) => isSameEvaluation(point.protocol, protocol));
  return { points, omitted: all.length - points.length };
}

export type AnyRun = Run | RecipeRun;

/** The name that the person gave it, else what made it. */
export function labelOf(run: AnyRun): string {
  return run.name ?? ('slice' in run ? runName(run.slice.options) : run.report.recipe);
}

export function methodsOf(run: AnyRun): string {
  const steps = 'slice' in run ? run.slice.run?.steps : run.report.steps;
  return steps ? steps.map(({ method }) => method).join(' + ') : 'slicing';
}

function sizesOf(model: ModelSummary, run: AnyRun, measured: PerplexityReport, settings: Pick<Settings, 'export'>) {
  const speeds = { prefill: measured.tokens_per_second, decode: measured.decode_tokens_per_second };
  if (!('slice' in run)) {
    const { stored_bytes } = run.report;
    return { x: { bytes: stored_bytes, memory: stored_bytes, ...speeds }, precision: 'stored' as const };
  }
  const precision = chosenPrecision(settings);
  return { x: { bytes: slicedTotal(model, run.slice, precision), memory: run.slice.bytes, ...speeds }, precision };
}

export function perplexityOf({ perplexity, relative_spread }: PerplexityReport): Figure {
  return { value: perplexity, error: relative_spread === null ? null : perplexity * relative_spread };
}

function qualityOf(measured: PerplexityReport): FrontPoint['y'] {
  const { divergence } = measured;
  const perplexity = perplexityOf(measured);
  if (!divergence) return { perplexity };
  const { kl_divergence, kl_error, top1_agreement, top1_error } = divergence;
  return {
    perplexity,
    kl: { value: kl_divergence, error: kl_error },
    top1: { value: top1_agreement, error: top1_error },
  };
}

/** Verified files have a perplexity of their own; nothing else was measured of them. */
function files(
  base: Pick<FrontPoint, 'id' | 'label' | 'methods' | 'is_preview'>,
  exports: readonly ExportEntry[],
): FrontPoint[] {
  return exports.flatMap((entry) => {
    if (entry.state !== 'done' || !entry.protocol) return [];
    const { format, precision } = entry.choice;
    return {
      ...base,
      key: `${base.id}/${format}/${precision}`,
      kind: 'file' as const,
      label: `${base.label}, ${format}${precision === 'stored' ? '' : ` ${precision}`}`,
      precision,
      protocol: entry.protocol,
      x: { bytes: weightBytes(entry.report.files) },
      y: { perplexity: { value: entry.report.perplexity, error: null } },
    };
  });
}

const WEIGHTS = /\.(?:onnx|onnx_data[\w.-]*|safetensors|gguf)$/;

export function weightBytes(files: readonly { name: string; bytes: number }[]): number {
  return files.filter(({ name }) => WEIGHTS.test(name)).reduce((sum, { bytes }) => sum + bytes, 0);
}

export interface AxisMeaning {
  label: string;
  /** Where there is little room. */
  short: string;
  /** More is better. */
  rises: boolean;
}

export const X_AXES: Readonly<Record<XAxis, AxisMeaning>> = {
  bytes: { label: 'size of the weights', short: 'size', rises: false },
  memory: { label: 'memory of the weights', short: 'memory', rises: false },
  prefill: { label: 'tokens/s, whole text', short: 'tokens/s', rises: true },
  decode: { label: 'tokens/s, one by one', short: 'tokens/s, one by one', rises: true },
};

export const Y_AXES: Readonly<Record<YAxis, AxisMeaning>> = {
  perplexity: { label: 'perplexity', short: 'perplexity', rises: false },
  kl: { label: 'KL divergence', short: 'KL', rises: false },
  top1: { label: 'top-1 agreement', short: 'top-1', rises: true },
};

/** A point that both axes know. */
export interface Placed {
  x: number;
  y: number;
  /** For recharts: ± around y; absent without one. */
  error?: number;
  point: FrontPoint;
}

/** `missing`: points without a figure on one of the axes. A logarithmic axis has no place for zero. */
export function placed(points: readonly FrontPoint[], x: XAxis, y: YAxis): { placed: Placed[]; missing: number } {
  const found = points.flatMap((point) => {
    const [at, figure] = [point.x[x], point.y[y]];
    if (at === undefined || !figure || !Number.isFinite(figure.value) || (y === 'kl' && figure.value <= 0)) return [];
    return [{ x: at, y: figure.value, point, ...(figure.error !== null && { error: figure.error }) }];
  });
  const isKnown = ({ kind }: FrontPoint) => kind !== 'dense';
  return {
    placed: found,
    missing: points.filter(isKnown).length - found.filter(({ point }) => isKnown(point)).length,
  };
}

/** Those that no other beats on both axes, along x. */
export function paretoFront(points: readonly Placed[], x: XAxis, y: YAxis): Placed[] {
  const sign = X_AXES[x].rises ? -1 : 1;
  const better = (a: number, b: number) => (Y_AXES[y].rises ? a > b : a < b);
  const sorted = [...points].sort((a, b) => sign * (a.x - b.x) || (better(a.y, b.y) ? -1 : 1));
  const front: Placed[] = [];
  for (const point of sorted) {
    const last = front.at(-1);
    if (!last || better(point.y, last.y)) front.push(point);
  }
  return front;
}

/** Which colour a combination of methods has: by the order in which they came. */
export function colourOrder(points: readonly FrontPoint[]): string[] {
  return [...new Set(points.filter(({ methods }) => methods !== '').map(({ methods }) => methods))];
}
