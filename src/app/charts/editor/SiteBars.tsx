import { memo, type PointerEvent, useId, useState } from 'react';
import { formatPercent } from '../../format.ts';
import { siteName } from '../chart_data.ts';
import { Hatch } from '../Hatch.tsx';
import { Axes } from '../plot/Axes.tsx';
import { barsPath, columnAt, columnsIn, spacedLabels } from '../plot/columns.ts';
import { Hint } from '../plot/Hint.tsx';
import { type Place, Plot } from '../plot/Plot.tsx';
import type { EditedSite } from './SiteEditorCard.tsx';

interface Props {
  rows: readonly EditedSite[];
  at: number;
  hiddenSize: number;
  onChoose: (site: number) => void;
  onSet: (site: number, wanted: number) => void;
}

/** What is kept of each site, and over it, hatched, what is cut. A press takes hold of the bar under it. */
export function SiteBars({ rows, at, hiddenSize, onChoose, onSet }: Props) {
  const id = useId();
  const [held, setHeld] = useState<number | null>(null);
  const [hover, setHover] = useState<{ x: number; y: number; index: number } | null>(null);
  const canMove = (index: number) => !rows[index].isLocked && !rows[index].isFixed;
  function pointer(event: PointerEvent<SVGSVGElement>, { x, y }: { x: number; y: number }, place: Place) {
    const index = columnAt(x, place, rows.length);
    const wanted = ((place.bottom - y) / (place.bottom - place.top)) * hiddenSize;
    if (event.type === 'pointerdown' && index !== null) {
      onChoose(rows[index].site);
      if (!canMove(index)) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      setHeld(index);
      setHover(null);
      onSet(rows[index].site, wanted);
    } else if (held !== null && event.type === 'pointermove') {
      onSet(rows[held].site, wanted);
    } else if (held !== null && event.type !== 'pointerleave') {
      setHeld(null);
    } else {
      setHover(index === null || event.type === 'pointerleave' ? null : { x, y, index });
    }
  }
  const told = hover && rows[hover.index];
  return (
    <Plot
      onPointer={pointer}
      cursor={held !== null || (hover && canMove(hover.index)) ? 'ns-resize' : undefined}
      over={(place) =>
        hover &&
        told && (
          <Hint
            at={hover}
            place={place}
            title={told.label}
            lines={[
              { name: 'keeps', value: `${told.dimension} of ${hiddenSize}` },
              { name: 'discards', value: formatPercent(told.discarded) },
            ]}
            note={told.isFixed ? 'The head keeps it whole' : told.isLocked ? 'Locked' : 'Drag to change'}
          />
        )
      }
    >
      {(place) => {
        const { left, step } = columnsIn(place, rows.length);
        return (
          <>
            <defs>
              <Hatch id={id} />
            </defs>
            <BarAxes labels={rows.map(({ label }) => siteName(label)).join('\n')} hiddenSize={hiddenSize} {...place} />
            <path
              d={barsPath(
                rows.map(() => 1),
                place,
              )}
              fill={`url(#${id})`}
            />
            <path d={barsPath(shares(rows, hiddenSize), place)} className="kept-bars" />
            <path d={barsPath(shares(rows, hiddenSize), place, at)} className="kept-bar" />
            {rows.map(
              ({ site, isLocked }, index) =>
                isLocked && <Lock key={site} x={left + (index + 0.5) * step} y={place.bottom - 8} />,
            )}
          </>
        );
      }}
    </Plot>
  );
}

function shares(rows: readonly EditedSite[], hiddenSize: number): number[] {
  return rows.map(({ dimension }) => dimension / hiddenSize);
}

function Lock({ x, y }: { x: number; y: number }) {
  return (
    <g transform={`translate(${x} ${y})`} className="bar-lock">
      <rect x="-4" y="-3" width="8" height="6.5" rx="1" />
      <path d="M-2.5 -3V-5A2.5 2.5 0 0 1 2.5 -5V-3" />
    </g>
  );
}

const BarAxes = memo(function BarAxes({
  labels,
  hiddenSize,
  ...place
}: Place & { labels: string; hiddenSize: number }) {
  const names = labels.split('\n');
  const height = place.bottom - place.top;
  return (
    <Axes
      place={place}
      xTicks={spacedLabels(names, columnsIn(place, names.length))}
      yTicks={[0, 0.25, 0.5, 0.75, 1].map((share) => ({
        at: place.bottom - share * height,
        text: String(Math.round(share * hiddenSize)),
      }))}
      xLabel="layer and site"
      yLabel="kept dimension"
    />
  );
});
