import { memo, type PointerEvent, useId, useState } from 'react';
import { formatScientific } from '../format.ts';
import type { SpectrumRow } from './chart_data.ts';
import { Hatch } from './Hatch.tsx';
import { Axes } from './plot/Axes.tsx';
import { Hint } from './plot/Hint.tsx';
import { type Place, Plot } from './plot/Plot.tsx';
import { decadeTicks, type LogScale, logPath, logScaleOf } from './plot/spectrum_lines.ts';

interface Props {
  rows: readonly SpectrumRow[];
  hiddenSize: number;
  /** Kept dimension; everything beyond is cut. */
  dimension: number;
  /** While the cut line is dragged; and when it is let go. */
  onCut: (dimension: number) => void;
  onRelease: () => void;
}

/** Pixels beside the cut line that take hold of it. */
const GRIP = 8;

export default function SpectrumChart({ rows, hiddenSize, dimension, onCut, onRelease }: Props) {
  const [hover, setHover] = useState<{ x: number; y: number; row: SpectrumRow } | null>(null);
  const [isHeld, setHeld] = useState(false);
  const [isNear, setNear] = useState(false);
  function pointer(event: PointerEvent<SVGSVGElement>, { x, y }: { x: number; y: number }, place: Place) {
    const cut = xOf(dimension + 0.5, place, hiddenSize);
    const index = 1 + ((x - place.left) / (place.right - place.left)) * (hiddenSize - 1);
    if (event.type === 'pointerdown' && Math.abs(x - cut) <= GRIP) {
      event.currentTarget.setPointerCapture(event.pointerId);
      setHeld(true);
      setHover(null);
    } else if (isHeld && event.type === 'pointermove') {
      onCut(Math.min(hiddenSize, Math.max(1, Math.round(index - 0.5))));
    } else if (isHeld && event.type !== 'pointerleave') {
      setHeld(false);
      onRelease();
    } else if (event.type === 'pointerleave') {
      setHover(null);
    } else {
      const row = nearest(rows, index);
      setNear(Math.abs(x - cut) <= GRIP);
      setHover(row && row.eigenvalue !== null && x >= place.left && x <= place.right ? { x, y, row } : null);
    }
  }
  return (
    <Plot
      onPointer={pointer}
      cursor={isNear || isHeld ? 'ew-resize' : undefined}
      over={(place) =>
        hover && (
          <Hint
            at={hover}
            place={place}
            title={`λ${hover.row.index}, ${hover.row.index <= dimension ? 'kept' : 'cut away'}`}
            lines={[{ name: 'eigenvalue', value: formatScientific(hover.row.eigenvalue ?? 0) }]}
          />
        )
      }
    >
      {(place) => (
        <>
          <Cut at={xOf(dimension + 0.5, place, hiddenSize)} place={place} isAny={dimension < hiddenSize} />
          <Curve
            rows={rows}
            hiddenSize={hiddenSize}
            {...{ left: place.left, right: place.right, top: place.top, bottom: place.bottom }}
          />
          <CutLine at={xOf(dimension + 0.5, place, hiddenSize)} place={place} dimension={dimension} />
        </>
      )}
    </Plot>
  );
}

function xOf(index: number, { left, right }: Place, hiddenSize: number): number {
  return Math.min(right, left + ((index - 1) / Math.max(1, hiddenSize - 1)) * (right - left));
}

function nearest(rows: readonly SpectrumRow[], index: number): SpectrumRow | undefined {
  const last = rows.at(-1);
  if (!last) return undefined;
  // Rows are evenly spaced over 1 … D.
  const at = Math.round(((index - 1) / Math.max(1, last.index - 1)) * (rows.length - 1));
  return rows[Math.min(rows.length - 1, Math.max(0, at))];
}

/** Does not depend on the slider. */
const Curve = memo(function Curve({ rows, hiddenSize, ...place }: Place & Pick<Props, 'rows' | 'hiddenSize'>) {
  const scale: LogScale = logScaleOf(rows.map(({ eigenvalue }) => eigenvalue));
  const shares = [0, 0.25, 0.5, 0.75, 1].map((share) => Math.max(1, Math.round(share * hiddenSize)));
  return (
    <>
      <Axes
        place={place}
        xTicks={[...new Set(shares)].map((index) => ({ at: xOf(index, place, hiddenSize), text: String(index) }))}
        yTicks={decadeTicks(scale, place)}
        xLabel="index of the eigenvalue"
        yLabel="eigenvalue"
      />
      <path
        d={logPath(rows, scale, (index) => xOf(index, place, hiddenSize), place)}
        fill="none"
        stroke="var(--dense)"
        strokeWidth="1.75"
      />
    </>
  );
});

function Cut({ at, place: { right, top, bottom }, isAny }: { at: number; place: Place; isAny: boolean }) {
  const id = useId();
  return (
    <>
      <defs>
        <Hatch id={id} />
      </defs>
      {isAny && <rect x={at} y={top} width={Math.max(0, right - at)} height={bottom - top} fill={`url(#${id})`} />}
    </>
  );
}

function CutLine({ at, place, dimension }: { at: number; place: Place; dimension: number }) {
  const isRight = at > (place.left + place.right) / 2;
  return (
    <g transform={`translate(${at} 0)`}>
      <path d={`M0 ${place.top}V${place.bottom}`} stroke="var(--sliced)" strokeWidth="2" />
      <rect data-cut="" x="-3.5" y={place.top} width="7" height="14" rx="2" fill="var(--sliced)" />
      <text
        x={isRight ? -8 : 8}
        y={place.top + 11}
        textAnchor={isRight ? 'end' : 'start'}
        className="plot-label"
        fill="var(--sliced)"
      >
        keep {dimension}
      </text>
    </g>
  );
}
