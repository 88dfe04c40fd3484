/** @file Axes of the front: figures for people, and a logarithmic axis where values span more than a decade. */
import { logTicks } from '../../report/ticks.ts';
import { formatBytes, formatChange, formatCount, formatPercent, formatPerplexity, formatRate } from '../format.ts';
import { isLogarithmic } from '../store/front.ts';
import { type Figure, meaningOf, type Quantity } from '../store/quantities.ts';
import { bareTick, byteUnit, niceTicks, tickText } from './axis.ts';

export interface Scale {
  scale: 'linear' | 'log';
  domain: [number, number];
  ticks: number[];
  tickFormatter: (value: number) => string;
}

/** Beyond this ratio a linear axis shows the worst point and nothing else. */
const WIDE = 12;

/**
 * Round ticks around the values.
 * @param least What the axis reaches down to at least. @param count Steps, about.
 */
export function scaleOf(axis: Quantity, values: readonly number[], { least, count = 5 }: Reach = {}): Scale {
  const { unit } = meaningOf(axis);
  const from = Math.min(...values, least ?? Number.POSITIVE_INFINITY);
  const most = Math.max(...values);
  if (isLogarithmic(axis) && from > 0 && most / from > WIDE) {
    return { scale: 'log', ...logTicks(from, most), tickFormatter: (value) => tickOf(axis, value) };
  }
  const room = (most - from) * (isLogarithmic(axis) ? 0.1 : 0.06) || Math.abs(most) * 0.1 || 1;
  const floor = unit === 'change' ? from - room : Math.max(0, from - room);
  const nice = niceTicks(floor, most + room, count);
  // No share is above all.
  const ticks = unit === 'share' ? nice.ticks.filter((tick) => tick <= 1) : nice.ticks;
  const domain: [number, number] = unit === 'share' ? [ticks[0], Math.min(1, nice.domain[1])] : nice.domain;
  return { scale: 'linear', ticks, domain, tickFormatter: ticksOf(axis, ticks, most) };
}

interface Reach {
  least?: number;
  count?: number;
}

/** With the unit, where the ticks do not say it. */
export function axisName(axis: Quantity): string {
  const { label, unit } = meaningOf(axis);
  return unit === 'nats' ? `${label}, nats a token` : label;
}

function ticksOf(axis: Quantity, ticks: readonly number[], most: number): (value: number) => string {
  const { unit } = meaningOf(axis);
  if (unit === 'bytes') {
    const { unit: size, suffix } = byteUnit(most);
    return tickText(ticks, size, suffix);
  }
  if (unit === 'count') {
    const [size, suffix] = most >= 1e9 ? [1e9, ' G'] : most >= 1e6 ? [1e6, ' M'] : [1e3, ' k'];
    return tickText(ticks, size, suffix);
  }
  if (unit === 'rate' || unit === 'bits' || unit === 'ratio') return tickText(ticks, 1, '');
  if (unit === 'share' || unit === 'change') return tickText(ticks, 0.01, ' %');
  return (value) => tickOf(axis, value);
}

/** Ticks are round: 0.001, and no zeros behind it. */
function tickOf(axis: Quantity, value: number): string {
  return meaningOf(axis).unit === 'nats' ? String(value) : bareTick(formatQuantity(axis, value));
}

/** A figure with its unit, for people. */
export function formatQuantity(axis: Quantity, value: number): string {
  switch (meaningOf(axis).unit) {
    case 'perplexity':
      return formatPerplexity(value);
    case 'nats':
      return formatKl(value);
    case 'share':
      return formatPercent(value);
    case 'change':
      return formatChange(value);
    case 'ratio':
      return value.toPrecision(4);
    case 'bytes':
      return formatBytes(value);
    case 'bits':
      return value.toFixed(2);
    case 'count':
      return formatCount(value);
    case 'rate':
      return formatRate(value);
  }
}

/** "75.9 ± 0.4". */
export function formatFigure(axis: Quantity, figure: Figure | undefined): string {
  if (!figure) return '–';
  const error = figure.error === null ? '' : ` ± ${formatError(axis, figure.error)}`;
  return `${formatQuantity(axis, figure.value)}${error}`;
}

/** Nats a token: 0.0312, 1.24, 3.1e-6; errors take fewer digits. */
export function formatKl(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  return Math.abs(value) < 1e-4 ? value.toExponential(1) : value.toPrecision(digits);
}

/** What stands behind ±. */
export function formatError(axis: Quantity, error: number): string {
  return meaningOf(axis).unit === 'nats' ? formatKl(error, 2) : formatQuantity(axis, error);
}
