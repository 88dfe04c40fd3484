/** @file Perplexity window by window, and spectra as small multiples on one scale. Pure. */
import type { ReportedCurve, ReportedSpectrum } from './page.ts';
import { axes, drawing, element, frameOf, short, textAt } from './svg.ts';
import { niceTicks } from './ticks.ts';

const FRAME = frameOf(960, 300);

/** Running means; empty without two windows. @param colours Classes, one a curve. */
export function drawCurves(curves: readonly ReportedCurve[], colours: readonly string[]): string {
  const windows = Math.max(0, ...curves.map(({ perplexities }) => perplexities.length));
  const values = curves.flatMap(({ perplexities }) => perplexities.filter(Number.isFinite));
  if (windows < 2 || values.length === 0) return '';
  const y = niceTicks(Math.min(...values), Math.max(...values));
  const xOf = (window: number) => FRAME.left + ((window - 1) / (windows - 1)) * (FRAME.right - FRAME.left);
  const yOf = (value: number) =>
    FRAME.bottom - ((value - y.domain[0]) / (y.domain[1] - y.domain[0])) * (FRAME.bottom - FRAME.top);
  const every = Math.max(1, Math.ceil(windows / 16));
  const shown = Array.from({ length: windows }, (_, i) => i + 1).filter((window) => (window - 1) % every === 0);
  return drawing(
    FRAME,
    `Running mean of the perplexity over ${windows} windows`,
    axes(FRAME, {
      x: shown.map((window) => ({ at: xOf(window), text: String(window) })),
      y: y.ticks.map((tick) => ({ at: yOf(tick), text: String(tick) })),
      xLabel: 'window',
      yLabel: 'perplexity, mean so far',
    }),
    ...curves.map(({ perplexities }, i) =>
      element('path', {
        class: `curve ${colours[i]}`,
        d: line(perplexities.map((value, at) => (Number.isFinite(value) ? [xOf(at + 1), yOf(value)] : null))),
      }),
    ),
  );
}

const POINTS = 64;
const [TILE, TALL, NAME, GAP, COLUMNS] = [110, 62, 14, 8, 8];

/** Every spectrum, log scale, the cut as a line; empty where there is none. */
export function drawSpectra(spectra: readonly ReportedSpectrum[]): string {
  const logs = spectra.flatMap(({ eigenvalues }) => sampled(eigenvalues).flatMap(([, log]) => log ?? []));
  if (logs.length === 0) return '';
  const [least, most] = [Math.min(...logs), Math.max(...logs)];
  const rows = Math.ceil(spectra.length / COLUMNS);
  const tiles = spectra.map(({ label, eigenvalues, dimension }, i) => {
    const [left, top] = [(i % COLUMNS) * (TILE + GAP), Math.floor(i / COLUMNS) * (TALL + NAME + GAP) + NAME];
    const xOf = (share: number) => left + share * TILE;
    const yOf = (log: number) => top + TALL - 3 - ((log - least) / (most - least || 1)) * (TALL - 6);
    const isCut = dimension < eigenvalues.length;
    const at = xOf(dimension / eigenvalues.length);
    return [
      element('rect', { class: 'tile', x: left, y: top, width: TILE, height: TALL }),
      isCut ? element('rect', { class: 'cut', x: at, y: top, width: left + TILE - at, height: TALL }) : '',
      element('path', {
        class: 'curve dense thin',
        d: line(sampled(eigenvalues).map(([share, log]) => (log === null ? null : [xOf(share), yOf(log)]))),
      }),
      isCut ? element('path', { class: 'cut-line', d: `M${short(at)} ${short(top)}v${TALL}` }) : '',
      textAt(left, top - 4, label),
    ].join('');
  });
  const size = { width: COLUMNS * (TILE + GAP), height: rows * (TALL + NAME + GAP) };
  return drawing(size, `Eigenvalues of ${spectra.length} sites on one logarithmic scale`, ...tiles);
}

/** Place in the spectrum, 0 … 1, and decimal logarithm; null below rounding. */
function sampled(eigenvalues: ArrayLike<number>): [number, number | null][] {
  const last = eigenvalues.length - 1;
  const count = Math.min(POINTS, eigenvalues.length);
  const floor = (eigenvalues[0] ?? 0) * 1e-14;
  return Array.from({ length: count }, (_, i) => {
    const index = count < 2 ? 0 : Math.round((i / (count - 1)) * last);
    const value = eigenvalues[index];
    return [last === 0 ? 0 : index / last, value > floor && value > 0 ? Math.log10(value) : null];
  });
}

/** Broken where a point is missing. */
function line(points: readonly ([number, number] | null)[]): string {
  return points
    .map((point, i) =>
      point ? `${i === 0 || points[i - 1] === null ? 'M' : 'L'}${short(point[0])} ${short(point[1])}` : '',
    )
    .join('');
}
