import { memo, type PointerEvent, useMemo, useState } from 'react';
import { formatPercent } from '../../format.ts';
import { type HeatCell, type HeatMap, heatScale } from '../../store/heat.ts';
import { spacedLabels } from '../plot/columns.ts';
import { Hint } from '../plot/Hint.tsx';
import { type Place, Plot } from '../plot/Plot.tsx';

const MARGINS = { left: 112, right: 16, top: 8, bottom: 34 } as const;
/** Cells are not stretched beyond: a model of four layers is no wall of colour. */
const [WIDEST, TALLEST] = [64, 44];

interface Cells {
  width: number;
  height: number;
}

/** A square a layer and row, the darker the more is lost. */
export function HeatGrid({ map }: { map: HeatMap }) {
  const [hover, setHover] = useState<{ x: number; y: number; cell: HeatCell } | null>(null);
  const scale = useMemo(() => heatScale(map.cells.map(({ value }) => value)), [map]);
  function pointer(event: PointerEvent, { x, y }: { x: number; y: number }, place: Place) {
    const { width, height } = cellsIn(place, map);
    const [layer, row] = [Math.floor((x - place.left) / width), Math.floor((y - place.top) / height)];
    const cell = map.cells.find((each) => each.layer === layer && each.row === map.rows[row]);
    setHover(event.type === 'pointerleave' || !cell ? null : { x, y, cell });
  }
  return (
    <Plot
      margins={MARGINS}
      onPointer={pointer}
      over={(place) =>
        hover && (
          <Hint
            at={hover}
            place={place}
            title={hover.cell.label}
            lines={[{ name: 'lost', value: formatPercent(hover.cell.value) }]}
            note={map.meaning}
          />
        )
      }
    >
      {(place) => {
        const { width, height } = cellsIn(place, map);
        const layers = Array.from({ length: map.layers }, (_, layer) => String(layer));
        const bottom = place.top + map.rows.length * height;
        return (
          <>
            {map.rows.map((row, at) => (
              <text key={row} x={place.left - 8} y={place.top + (at + 0.5) * height + 4} textAnchor="end">
                {row}
              </text>
            ))}
            {map.cells.map((cell) => (
              <Cell
                key={`${cell.layer} ${cell.row}`}
                x={place.left + cell.layer * width + 0.5}
                y={place.top + map.rows.indexOf(cell.row) * height + 0.5}
                width={Math.max(1, width - 1)}
                height={Math.max(1, height - 1)}
                fill={heatColour(scale(cell.value))}
                stroke={hover?.cell === cell ? 'var(--ink)' : undefined}
              />
            ))}
            {spacedLabels(layers, { left: place.left, step: width, bar: width, count: map.layers }).map(
              ({ at, text }) => (
                <text key={text} x={at} y={bottom + 15} textAnchor="middle">
                  {text}
                </text>
              ),
            )}
            <text x={place.left + (map.layers * width) / 2} y={bottom + 30} textAnchor="middle">
              layer
            </text>
          </>
        );
      }}
    </Plot>
  );
}

/** Of which only those change that come to another shade. */
const Cell = memo(function Cell(rect: React.SVGProps<SVGRectElement>) {
  return <rect {...rect} />;
});

function cellsIn({ left, right, top, bottom }: Place, { layers, rows }: HeatMap): Cells {
  return {
    width: Math.min(WIDEST, (right - left) / Math.max(1, layers)),
    height: Math.min(TALLEST, (bottom - top) / Math.max(1, rows.length)),
  };
}

/** One hue, so that more is darker (lighter in the dark theme) for every eye. */
export function heatColour(share: number): string {
  return `color-mix(in oklab, var(--sliced) ${Math.round(100 * share)}%, var(--cut-ground))`;
}
