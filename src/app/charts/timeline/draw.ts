/** @file Draws rows of a timeline on a canvas. */

import { niceTicks } from '../../../report/ticks.ts';
import { placeAt, type Row } from '../../../report/timeline/rows.ts';
import type { Window } from '../../../report/timeline/summary.ts';
import { axisText } from './view.ts';

export const ROW = 19;
export const LEFT = 84;
const [GAP, RIGHT, AXIS] = [2, 10, 24];
const FONT = '11px system-ui, sans-serif';
/** A name that is cut shorter than this says nothing. */
const LEAST_TEXT = 26;

export interface Palette {
  ink: string;
  muted: string;
  ground: string;
  line: string;
  stage: string;
  edge: string;
  other: string;
  series: readonly string[];
}

export interface Drawn {
  rows: readonly Row[];
  view: Window;
  /** When the job began: 0 of the axis. */
  zero: number;
  /** Which of the series' colours a kernel has; others have none. */
  colours: ReadonlyMap<string, number>;
  width: number;
}

export function heightOf(rows: readonly Row[]): number {
  return rows.length * ROW + AXIS;
}

/** Of the plot within the drawing. */
export function plotWidth(width: number): number {
  return Math.max(1, width - LEFT - RIGHT);
}

/** The theme's colours where the element stands. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    ...{ ink: colour('--ink'), muted: colour('--muted'), ground: colour('--ground'), line: colour('--line') },
    ...{ stage: colour('--cut-ground'), edge: colour('--line-strong'), other: colour('--cut') },
    series: Array.from({ length: 8 }, (_, i) => colour(`--series-${i + 1}`)),
  };
}

export function drawTimeline(context: CanvasRenderingContext2D, drawn: Drawn, palette: Palette): void {
  const { rows, width } = drawn;
  context.clearRect(0, 0, width, heightOf(rows));
  context.font = FONT;
  context.textBaseline = 'middle';
  drawAxis(context, drawn, palette);
  for (const [index, row] of rows.entries()) {
    const top = index * ROW;
    if (row.label) {
      context.fillStyle = palette.muted;
      context.textAlign = 'end';
      context.fillText(row.label, LEFT - 8, top + ROW / 2);
    }
    drawRow(context, row, top, drawn, palette);
  }
}

function drawAxis(context: CanvasRenderingContext2D, { rows, view, zero, width }: Drawn, palette: Palette): void {
  const bottom = rows.length * ROW;
  const length = view.end - view.start;
  const { ticks } = niceTicks(view.start - zero, view.end - zero, 6);
  context.textAlign = 'center';
  for (const tick of ticks) {
    const x = LEFT + ((tick + zero - view.start) / length) * plotWidth(width);
    if (x < LEFT - 0.5 || x > width - RIGHT + 0.5) continue;
    context.fillStyle = palette.line;
    context.fillRect(Math.round(x), 0, 1, bottom + 3);
    context.fillStyle = palette.muted;
    context.fillText(axisText(tick, length), Math.min(x, width - 20), bottom + 13);
  }
}

function drawRow(
  context: CanvasRenderingContext2D,
  row: Row,
  top: number,
  { view, width, colours }: Drawn,
  palette: Palette,
): void {
  const scale = plotWidth(width) / (view.end - view.start);
  const isKernel = row.kind === 'kernel' || row.kind === 'gpu';
  const fills = row.names.map((name) => {
    const colour = colours.get(name);
    return !isKernel ? palette.stage : colour === undefined ? palette.other : palette.series[colour];
  });
  /** Pixels up to here are painted: thousands of spans may lie in one. */
  let painted = Number.NEGATIVE_INFINITY;
  context.textAlign = 'start';
  for (let i = Math.max(0, placeAt(row, view.start)); i < row.start.length && row.start[i] < view.end; i++) {
    if (row.end[i] < view.start) continue;
    const from = LEFT + Math.max(0, (row.start[i] - view.start) * scale);
    const to = LEFT + Math.min(plotWidth(width), (row.end[i] - view.start) * scale);
    if (to <= painted) continue;
    const left = Math.max(from, painted);
    // What is too short to be seen takes half a pixel.
    const right = Math.max(to, left + 0.5);
    painted = Math.max(painted, right);
    // So short, only the edge of a stage would be seen.
    context.fillStyle = !isKernel && right - left < 3 ? palette.edge : fills[row.name[i]];
    context.fillRect(left, top + GAP / 2, right - left, ROW - GAP);
    if (right - left < 3) continue;
    if (!isKernel) {
      context.fillStyle = palette.edge;
      context.fillRect(left, top + GAP / 2, 1, ROW - GAP);
    }
    if (right - left < LEAST_TEXT) continue;
    context.fillStyle = isKernel ? palette.ground : palette.ink;
    write(context, row.names[row.name[i]], left + 5, top + ROW / 2, right - left - 8);
  }
}

/** As much of a text as there is room for. */
function write(context: CanvasRenderingContext2D, text: string, x: number, y: number, room: number): void {
  if (context.measureText(text).width <= room) {
    context.fillText(text, x, y);
    return;
  }
  const letters = Math.floor((text.length * room) / context.measureText(text).width) - 1;
  if (letters > 2) context.fillText(`${text.slice(0, letters)}…`, x, y);
}
