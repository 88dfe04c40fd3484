/** @file Axes of the front: figures for people, and a logarithmic axis where values span more than a decade. */
import { formatBytes, formatPercent, formatPerplexity, formatRate } from '../format.ts';
import type { XAxis, YAxis } from '../store/front.ts';
import { bareTick, byteUnit, niceTicks, tickText } from './axis.ts';

export interface Scale {
  scale: 'linear' | 'log';
  domain: [number, number];
  ticks: number[];
  tickFormatter: (value: number) => string;
}

/** Beyond this ratio a linear axis shows the worst point and nothing else. */
const WIDE = 12;

export function xScale(axis: XAxis, values: readonly number[], least?: number): Scale {
  const isSize = axis === 'bytes' || axis === 'memory';
  const from = Math.min(...values, least ?? Number.POSITIVE_INFINITY);
  const most = Math.max(...values);
  const room = (most - from) * 0.06 || most * 0.1;
  const nice = niceTicks(Math.max(0, from - room), most + room, 5);
  const { unit, suffix } = isSize ? byteUnit(most) : { unit: 1, suffix: '' };
  return { scale: 'linear', ...nice, tickFormatter: tickText(nice.ticks, unit, suffix) };
}

export function yScale(axis: YAxis, values: readonly number[]): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  // Ticks are round: 0.001, and no zeros behind it.
  const tickFormatter = (value: number) => (axis === 'kl' ? String(value) : bareTick(formatY(axis, value)));
  if (axis !== 'top1' && least > 0 && most / least > WIDE) return { ...logTicks(least, most), tickFormatter };
  const room = (most - least) * 0.1 || Math.abs(most) * 0.1 || 1;
  const nice = niceTicks(Math.max(0, least - room), most + room, 4);
  if (axis !== 'top1') return { scale: 'linear', ...nice, tickFormatter };
  // No agreement is above all.
  const ticks = nice.ticks.filter((tick) => tick <= 1);
  return { scale: 'linear', ticks, domain: [ticks[0], Math.min(1, nice.domain[1])], tickFormatter };
}

/** Powers of ten around the values, with 2 and 5 between them while there are few. */
export function logTicks(least: number, most: number): Pick<Scale, 'scale' | 'domain' | 'ticks'> {
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  const factors = last - first <= 2 ? [1, 2, 5] : [1];
  const all: number[] = [];
  for (let power = first; power <= last; power++) for (const factor of factors) all.push(Number(`${factor}e${power}`));
  const below = all.filter((tick) => tick <= least).at(-1) ?? all[0];
  const above = all.find((tick) => tick >= most) ?? (all.at(-1) as number);
  return { scale: 'log', domain: [below, above], ticks: all.filter((tick) => tick >= below && tick <= above) };
}

export function formatX(axis: XAxis, value: number): string {
  return axis === 'bytes' || axis === 'memory' ? formatBytes(value) : formatRate(value);
}

export function formatY(axis: YAxis, value: number): string {
  if (axis === 'perplexity') return formatPerplexity(value);
  return axis === 'top1' ? formatPercent(value) : formatKl(value);
}

/** Nats a token: 0.0312, 1.24, 3.1e-6; errors take fewer digits. */
export function formatKl(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  return Math.abs(value) < 1e-4 ? value.toExponential(1) : value.toPrecision(digits);
}

/** What stands behind ±. */
export function formatError(axis: YAxis, error: number): string {
  return axis === 'kl' ? formatKl(error, 2) : formatY(axis, error);
}
