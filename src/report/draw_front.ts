/** @file Perplexity against size: every measured model and every file. Pure. */
import { placeLabels } from './labels.ts';
import type { ReportedModel } from './page.ts';
import { axes, drawing, element, type Frame, frameOf, short, textAt } from './svg.ts';
import { logTicks, niceTicks } from './ticks.ts';

const FRAME = frameOf(960, 420);
/** A ruined model on a linear axis would leave nothing of the others to be seen. */
const WIDE = 12;
const COLOURS = 8;

type Point = ReportedModel & { bytes: number; perplexity: number };

export function isPoint(model: ReportedModel): model is Point {
  const { bytes, perplexity } = model;
  return bytes !== null && perplexity !== null && bytes > 0 && perplexity > 0 && Number.isFinite(perplexity);
}

/** Empty where fewer than two have both figures. */
export function drawFront(models: readonly ReportedModel[]): string {
  const points = models.filter(isPoint);
  if (points.length < 2) return '';
  const sizes = points.map(({ bytes }) => bytes);
  const values = points.flatMap(({ perplexity, error }) => [
    perplexity + (error ?? 0),
    Math.max(perplexity / 2, perplexity - (error ?? 0)),
  ]);
  const x = niceTicks(0, Math.max(...sizes));
  const isWide = Math.max(...values) / Math.min(...values) > WIDE;
  const y = isWide
    ? logTicks(Math.min(...values), Math.max(...values))
    : niceTicks(Math.min(...values), Math.max(...values));
  const xOf = (bytes: number) => along(bytes, x.domain, FRAME.left, FRAME.right);
  const yOf = (value: number) =>
    isWide
      ? along(Math.log(value), y.domain.map(Math.log) as [number, number], FRAME.bottom, FRAME.top)
      : along(value, y.domain, FRAME.bottom, FRAME.top);
  const methods = methodsOf(points);
  const unit =
    Math.max(...sizes) >= 1e9
      ? ([1e9, 'GB'] as const)
      : Math.max(...sizes) >= 1e6
        ? ([1e6, 'MB'] as const)
        : ([1e3, 'kB'] as const);
  const best = pareto(points);
  const labels = placeLabels(
    points.map((point) => ({
      x: xOf(point.bytes),
      y: yOf(point.perplexity),
      text: cut(point.label),
      weight: best.includes(point) ? 1 : 0,
    })),
    FRAME,
  );
  return drawing(
    FRAME,
    `Perplexity against size of ${points.length} models`,
    axes(FRAME, {
      x: x.ticks.map((tick) => ({ at: xOf(tick), text: short(tick / unit[0]) })),
      y: y.ticks.map((tick) => ({ at: yOf(tick), text: String(tick) })),
      xLabel: `size of the weights, ${unit[1]}`,
      yLabel: isWide ? 'perplexity, log scale' : 'perplexity',
    }),
    element('path', { class: 'pareto', d: path(best.map((point) => [xOf(point.bytes), yOf(point.perplexity)])) }),
    ...points.map((point) => mark(point, xOf(point.bytes), yOf, colourOf(point, methods))),
    ...labels.map(({ index, x: at, y: line, anchor }) =>
      textAt(at, line, cut(points[index].label), { 'text-anchor': anchor, class: 'label' }),
    ),
  );
}

function along(value: number, [least, most]: [number, number], from: number, to: number): number {
  return from + ((value - least) / (most - least || 1)) * (to - from);
}

export function methodsOf(models: readonly ReportedModel[]): string[] {
  return [...new Set(models.map(({ methods }) => methods).filter((methods) => methods !== ''))];
}

/** A class of the style sheet. */
export function colourOf({ methods }: ReportedModel, all: readonly string[]): string {
  return methods === '' ? 'dense' : `series-${(Math.max(0, all.indexOf(methods)) % COLOURS) + 1}`;
}

/** Measured: hollow. A file: filled. The dense model: a cross. */
function mark(
  { kind, perplexity, error, label }: Point,
  x: number,
  yOf: (value: number) => number,
  colour: string,
): string {
  const y = yOf(perplexity);
  const title = element('title', {}, label.replace(/[&<>]/g, ' '));
  const bar = error
    ? element('path', {
        class: 'bar',
        d: `M${short(x)} ${short(yOf(perplexity + error))}V${short(yOf(Math.max(perplexity / 2, perplexity - error)))}`,
      })
    : '';
  if (kind === 'dense')
    return (
      bar +
      element('path', { class: `mark ${colour}`, d: `M${short(x - 5)} ${short(y - 5)}l10 10m0 -10l-10 10` }, title)
    );
  return bar + element('circle', { class: `mark ${colour} ${kind}`, cx: x, cy: y, r: 5 }, title);
}

/** Those that no other beats on both axes, by size. */
export function pareto(points: readonly Point[]): Point[] {
  const front: Point[] = [];
  for (const point of [...points].sort((a, b) => a.bytes - b.bytes || a.perplexity - b.perplexity)) {
    const last = front.at(-1);
    if (!last || point.perplexity < last.perplexity) front.push(point);
  }
  return front;
}

const LONGEST = 34;

function cut(label: string): string {
  return label.length > LONGEST ? `${label.slice(0, LONGEST - 1)}…` : label;
}

function path(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${short(x)} ${short(y)}`).join('');
}

export type { Frame };
