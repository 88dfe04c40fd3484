/** @file Damage by layer and linear: one hue, stronger where more is lost. Pure. */
import type { ReportedMap } from './page.ts';
import { drawing, element, textAt } from './svg.ts';

const [LEFT, WIDEST, TALL, MOST] = [110, 44, 22, 840];

/** Empty without cells. */
export function drawMap({ title, meaning, layers, rows, cells }: ReportedMap): string {
  if (cells.length === 0) return '';
  const width = Math.min(WIDEST, MOST / layers);
  const scale = strengthOf(cells.map(({ value }) => value));
  const height = rows.length * TALL;
  const every = Math.max(1, Math.ceil(26 / width));
  return drawing(
    { width: LEFT + layers * width + 10, height: height + 40 },
    `${title}: ${meaning}`,
    ...rows.map((row, at) => textAt(LEFT - 8, (at + 0.5) * TALL + 4, row, { 'text-anchor': 'end' })),
    ...cells.map(({ layer, row, value }) =>
      element(
        'rect',
        {
          class: 'cell',
          x: LEFT + layer * width,
          y: rows.indexOf(row) * TALL,
          width: width - 1,
          height: TALL - 1,
          'fill-opacity': scale(value),
        },
        element('title', {}, `layer ${layer}, ${row}: ${percent(value)}`),
      ),
    ),
    ...Array.from({ length: layers }, (_, layer) =>
      layer % every === 0
        ? textAt(LEFT + (layer + 0.5) * width, height + 15, String(layer), { 'text-anchor': 'middle' })
        : '',
    ),
    textAt(LEFT + (layers * width) / 2, height + 32, 'layer', { 'text-anchor': 'middle' }),
  );
}

/** By the logarithm where values span more than a decade: 0 … 1. */
export function strengthOf(values: readonly number[]): (value: number) => number {
  const some = values.filter((value) => value > 0 && Number.isFinite(value));
  const [least, most] = [Math.min(...some), Math.max(...some)];
  const clamp = (share: number) => (Number.isNaN(share) ? 0 : Math.min(1, Math.max(0, share)));
  return (value) => {
    if (some.length === 0 || !(value > 0)) return 0;
    if (most <= least) return 1;
    if (most / least < 10) return clamp(value / most);
    return clamp(0.1 + (0.9 * Math.log(value / least)) / Math.log(most / least));
  };
}

export function percent(share: number): string {
  if (!Number.isFinite(share)) return '–';
  return share !== 0 && Math.abs(share) < 1e-4
    ? `${(100 * share).toExponential(1)} %`
    : `${Number((100 * share).toPrecision(3))} %`;
}
