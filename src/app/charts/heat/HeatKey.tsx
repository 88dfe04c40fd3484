import { formatPercent } from '../../format.ts';
import type { HeatMap } from '../../store/heat.ts';

/** From the least to the most that the map has. */
export function HeatKey({ map }: { map: HeatMap }) {
  const values = map.cells.map(({ value }) => value).filter((value) => value > 0);
  if (values.length === 0) return null;
  return (
    <ul className="legend">
      <li>
        {formatPercent(Math.min(...values))}
        <i className="heat-key" aria-hidden="true" />
        {formatPercent(Math.max(...values))}
      </li>
    </ul>
  );
}
