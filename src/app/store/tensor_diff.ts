/** @file What the table of two models' tensors shows and saves. */
import type { TensorDifference } from '../../engine/protocol.ts';

export type Order = 'place' | 'change';

/** Those whose name has `filter`; what has no comparable numbers comes first among the largest changes: it changed most. */
export function shownTensors(
  tensors: readonly TensorDifference[],
  filter: string,
  order: Order,
): readonly TensorDifference[] {
  const wanted = filter.trim().toLowerCase();
  const rows = tensors.filter(({ name }) => name.toLowerCase().includes(wanted));
  if (order === 'place') return rows;
  const change = ({ relative_change }: TensorDifference) => relative_change ?? Number.POSITIVE_INFINITY;
  // Two infinite ones differ by nothing, not by NaN.
  return rows.sort((x, y) => (change(x) === change(y) ? 0 : change(y) - change(x)));
}

/** One figure where both sides agree, else "before → after"; a dash for a side without the tensor. */
function both<T>({ a, b }: TensorDifference, text: (side: NonNullable<TensorDifference['a']>) => T): string {
  const [left, right] = [a ? `${text(a)}` : '–', b ? `${text(b)}` : '–'];
  return left === right ? left : `${left} → ${right}`;
}

export const shapeOf = (row: TensorDifference) => both(row, ({ shape }) => shape.join('×') || 'scalar');
export const typeOf = (row: TensorDifference) => both(row, ({ dtype }) => dtype);
export const bySize = (row: TensorDifference, format: (bytes: number) => string) =>
  both(row, ({ bytes }) => format(bytes));

/** A share of the tensor's own size; dashes where there is nothing to compare. */
export function formatRelative(change: number | null | undefined): string {
  if (change === undefined) return '–';
  if (change === null) return 'from zero';
  if (change === 0) return 'same';
  return change < 1e-4 ? change.toExponential(1) : `${Number((100 * change).toPrecision(3))} %`;
}

/** RFC 4180; changes as plain numbers. */
export function diffCsv(tensors: readonly TensorDifference[]): string {
  const head = 'tensor,shape_a,shape_b,type_a,type_b,bytes_a,bytes_b,relative_change,max_change';
  const side = (value: TensorDifference['a']) => [value?.shape.join('×') ?? '', value?.dtype ?? '', value?.bytes ?? ''];
  const lines = tensors.map(({ name, a, b, relative_change, max_change }) => {
    const [[s, t, n], [s2, t2, n2]] = [side(a), side(b)];
    return [name, s, s2, t, t2, n, n2, relative_change ?? '', max_change ?? ''].map(quoted).join(',');
  });
  return `${[head, ...lines].join('\r\n')}\r\n`;
}

const quoted = (value: string | number) =>
  /[",\r\n]/.test(`${value}`) ? `"${`${value}`.replaceAll('"', '""')}"` : value;
