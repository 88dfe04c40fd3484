/** @file Eigenvalues on a logarithmic axis: scale, figures, path. Pure. */
import type { SpectrumRow } from '../chart_data.ts';
import type { Tick } from './Axes.tsx';
import type { Place } from './Plot.tsx';

/** Decimal logarithms of the axis' ends. */
export interface LogScale {
  least: number;
  most: number;
}

export function logScaleOf(values: readonly (number | null)[]): LogScale {
  const logs = values.flatMap((value) => (value !== null && value > 0 ? Math.log10(value) : []));
  if (logs.length === 0) return { least: -1, most: 0 };
  const [least, most] = [Math.min(...logs), Math.max(...logs)];
  const room = Math.max(0.05 * (most - least), 0.02);
  return { least: least - room, most: most + room };
}

export function yOf(value: number, { least, most }: LogScale, { top, bottom }: Pick<Place, 'top' | 'bottom'>): number {
  return bottom - ((Math.log10(value) - least) / (most - least)) * (bottom - top);
}

/** Where a value is missing the line is broken. Tenths of a pixel. */
export function logPath(
  rows: readonly SpectrumRow[],
  scale: LogScale,
  xOf: (index: number) => number,
  place: Pick<Place, 'top' | 'bottom'>,
): string {
  let path = '';
  let isBroken = true;
  for (const { index, eigenvalue } of rows) {
    if (eigenvalue !== null)
      path += `${isBroken ? 'M' : 'L'}${xOf(index).toFixed(1)} ${yOf(eigenvalue, scale, place).toFixed(1)}`;
    isBroken = eigenvalue === null;
  }
  return path;
}

/** Powers of ten, five or so; where fewer than two lie on the axis, 1, 2 and 5 times each. */
export function decadeTicks(scale: LogScale, place: Pick<Place, 'top' | 'bottom'>): Tick[] {
  const [first, last] = [Math.ceil(scale.least), Math.floor(scale.most)];
  if (last - first < 1) return finerTicks(scale, place);
  const step = Math.max(1, Math.ceil((last - first) / 5));
  const ticks: Tick[] = [];
  for (let power = first; power <= last; power += step)
    ticks.push({ at: yOf(10 ** power, scale, place), text: powerOfTen(power) });
  return ticks;
}

function finerTicks(scale: LogScale, place: Pick<Place, 'top' | 'bottom'>): Tick[] {
  const ticks: Tick[] = [];
  for (let power = Math.floor(scale.least); power <= Math.ceil(scale.most); power++) {
    for (const factor of [1, 2, 5]) {
      const value = Number(`${factor}e${power}`);
      const log = Math.log10(value);
      if (log >= scale.least && log <= scale.most)
        ticks.push({ at: yOf(value, scale, place), text: Number(value.toPrecision(3)).toString() });
    }
  }
  return ticks;
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

export function powerOfTen(power: number): string {
  return `10${Array.from(String(power), (digit) => (digit === '-' ? '⁻' : SUPERSCRIPTS[Number(digit)])).join('')}`;
}
