import { formatPercent } from '../../format.ts';
import { type HeatMap, heatEnds } from '../../store/heat.ts';
import { heatColour } from './HeatGrid.tsx';

/** From the least to the most that the map has, in the colours that it has them in. */
export function HeatKey({ map }: { map: HeatMap }) {
  const ends = heatEnds(map);
  if (!ends) return null;
  return (
    <ul className="legend">
      <li>
        {formatPercent(ends.least)}
        <i
          className="heat-key"
          aria-hidden="true"
          style={{ background: `linear-gradient(90deg, ${heatColour(ends.from)}, ${heatColour(1)})` }}
        />
        {formatPercent(ends.most)}
      </li>
    </ul>
  );
}
