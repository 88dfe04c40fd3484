/** @file The front: every measured model and every verified file as a point, on axes that are chosen. */
import type { ModelSummary, PerplexityReport, Precision, ProtocolReport } from '../../engine/protocol.ts';
import type { ExportEntry } from './exports.ts';
import { denseFigures, type Figures, fileFigures, meaningOf, type Quantity, runFigures } from './quantities.ts';
import { isSameEvaluation, type Results, type Run } from './results.ts';
import type { Settings } from './settings.ts';
import { chosenPrecision } from './sizes.ts';

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
  figures: Figures;
}

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
    const base = { id: 'dense', label: 'dense', methods: '', is_preview: false, kind: 'dense' as const };
    const figures = denseFigures(model, dense);
    const point = { ...base, key: 'dense', precision: 'stored' as const, protocol: dense.protocol, figures };
    all.push(point, ...files(point, model, dense, dense_exports));
  }
  for (const run of results.runs) {
    if (!run.perplexity) continue;
    const point = {
      id: run.id,
      key: run.id,
      kind: 'run' as const,
      label: labelOf(run),
      methods: methodsOf(run),
      is_preview: run.is_preview ?? false,
      precision: chosenPrecision(settings),
      protocol: run.perplexity.protocol,
      figures: runFigures(results, model, run, settings),
    };
    all.push(point, ...files(point, model, dense, run.exports));
  }
  const points = all.filter((point) => isSameEvaluation(point.protocol, protocol));
  return { points, omitted: all.length - points.length };
}

/** The name that the person gave it, else the recipe that made it. */
export function labelOf(run: Run): string {
  return run.name ?? recipeOf(run);
}

export function recipeOf(run: Run): string {
  return run.report.recipe;
}

/** A recipe that is longer says too little by its first letters. */
const LONGEST_IN_A_NAME = 60;

/** For a file's name: the person's own, or the recipe; of a long one its methods and what a weight takes. */
export function fileLabelOf(run: Run): string {
  const label = labelOf(run);
  if (run.name !== undefined || label.length <= LONGEST_IN_A_NAME) return label;
  return `${run.report.steps.map(({ method }) => method).join('-')}-${run.report.bits_per_weight.toFixed(2)}-bits`;
}

export function methodsOf(run: Run): string {
  return run.report.steps.map(({ method }) => method).join(' + ');
}

/** Verified files have a perplexity and a divergence of their own; a speed, once they wrote a text. */
function files(
  of: FrontPoint,
  model: ModelSummary,
  dense: PerplexityReport | null,
  exports: readonly ExportEntry[],
): FrontPoint[] {
  return exports.flatMap((entry) => {
    if (entry.state !== 'done' || !entry.protocol) return [];
    const { format, precision } = entry.choice;
    const { perplexity, divergence, files: written } = entry.report;
    const { tokens_per_second: decode } = entry;
    return {
      ...of,
      key: `${of.id}/${format}/${precision}`,
      kind: 'file' as const,
      label: `${of.label}, ${format}${precision === 'stored' ? '' : ` ${precision}`}`,
      precision,
      protocol: entry.protocol,
      figures: fileFigures(model, of.figures, { bytes: weightBytes(written), perplexity, divergence, decode, dense }),
    };
  });
}

const WEIGHTS = /\.(?:onnx|onnx_data[\w.-]*|safetensors|gguf)$/;

export function weightBytes(files: readonly { name: string; bytes: number }[]): number {
  return files.filter(({ name }) => WEIGHTS.test(name)).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** A point that both axes know. */
export interface Placed {
  x: number;
  y: number;
  /** ± around y; absent without one. */
  error?: number;
  point: FrontPoint;
}

/** `missing`: points without a figure on one of the axes. A logarithmic axis has no place for zero. */
export function placed(points: readonly FrontPoint[], x: Quantity, y: Quantity): { placed: Placed[]; missing: number } {
  const figureOf = ({ figures }: FrontPoint, axis: Quantity) => {
    const figure = figures[axis];
    const isPlaced = figure && Number.isFinite(figure.value) && !(isLogarithmic(axis) && figure.value <= 0);
    return isPlaced ? figure : undefined;
  };
  const found = points.flatMap((point) => {
    const [along, up] = [figureOf(point, x), figureOf(point, y)];
    if (!along || !up) return [];
    return [{ x: along.value, y: up.value, point, ...(up.error !== null && { error: up.error }) }];
  });
  const isKnown = ({ kind }: FrontPoint) => kind !== 'dense';
  return {
    placed: found,
    missing: points.filter(isKnown).length - found.filter(({ point }) => isKnown(point)).length,
  };
}

/** What is never negative, and spans decades as soon as one model is ruined. */
export function isLogarithmic(axis: Quantity): boolean {
  return ['perplexity', 'ratio', 'nats'].includes(meaningOf(axis).unit);
}

/** Those that no other beats on both axes, along x. */
export function paretoFront(points: readonly Placed[], x: Quantity, y: Quantity): Placed[] {
  const sign = meaningOf(x).rises ? -1 : 1;
  const better = (a: number, b: number) => (meaningOf(y).rises ? a > b : a < b);
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
