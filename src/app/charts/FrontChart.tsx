import { type PointerEvent, useMemo, useState } from 'react';
import { placeLabels, shortened } from '../../report/labels.ts';
import { protocolText } from '../components/Protocol.tsx';
import { PRECISION_LABELS } from '../store/exports.ts';
import type { FrontPoint, Placed } from '../store/front.ts';
import { meaningOf, QUANTITY_NAMES, type Quantity } from '../store/quantities.ts';
import { PLOT } from './front_plot.ts';
import { colourOf, Mark } from './marks.tsx';
import { Axes } from './plot/Axes.tsx';
import { Hint } from './plot/Hint.tsx';
import { type Place, Plot } from './plot/Plot.tsx';
import { axisName, formatFigure, type Scale } from './scales.ts';

interface Props {
  points: readonly Placed[];
  pareto: readonly Placed[];
  x: Quantity;
  y: Quantity;
  xScale: Scale;
  yScale: Scale;
  /** Combinations of methods, in the order of their colours. */
  colours: readonly string[];
  selected: string | null;
  onSelect: (id: string) => void;
}

const MARGINS = { left: PLOT.axisWidth, right: PLOT.margin.right, top: PLOT.margin.top, bottom: PLOT.axisHeight };
/** Pixels around a point that belong to it. */
const REACH = 12;
/** Names have this share of the plot's width at most, in letters of 6 px; the hint and the table have them whole. */
const NAME_SHARE = 0.4 / 6;
/** Short enough on a phone, and nothing is gained by more. */
const [LEAST_LONGEST, MOST_LONGEST] = [24, 60];
/** Half of the bar's ends. */
const CAP = 3;

export default function FrontChart({ points, pareto, x, y, xScale, yScale, colours, selected, onSelect }: Props) {
  const [hover, setHover] = useState<{ x: number; y: number; point: FrontPoint } | null>(null);
  const xOf = (value: number, { left, right }: Place) => along(xScale, value, left, right);
  const yOf = (value: number, { top, bottom }: Place) => along(yScale, value, bottom, top);
  function pointer(event: PointerEvent, at: { x: number; y: number }, place: Place) {
    const away = ({ x: along, y: up }: Placed) => Math.hypot(xOf(along, place) - at.x, yOf(up, place) - at.y);
    const near = points.filter((each) => away(each) <= REACH).sort((a, b) => away(a) - away(b))[0];
    if (event.type === 'pointerdown' && near) onSelect(near.point.id);
    setHover(near && event.type !== 'pointerleave' ? { ...at, point: near.point } : null);
  }
  const dense = points.find(({ point }) => point.kind === 'dense');
  return (
    <Plot
      margins={MARGINS}
      onPointer={pointer}
      cursor={hover ? 'pointer' : undefined}
      over={(place) => hover && <Hint at={hover} place={place} {...told(hover.point)} />}
    >
      {(place) => (
        <>
          <Axes
            place={place}
            below={8}
            xTicks={xScale.ticks.map((tick) => ({ at: xOf(tick, place), text: xScale.tickFormatter(tick) }))}
            yTicks={yScale.ticks.map((tick) => ({ at: yOf(tick, place), text: yScale.tickFormatter(tick) }))}
            xLabel={axisName(x)}
            yLabel={axisName(y)}
          />
          {dense && (
            <path
              d={`M${place.left} ${yOf(dense.y, place)}H${place.right}M${xOf(dense.x, place)} ${place.top}V${place.bottom}`}
              stroke="var(--dense)"
              strokeDasharray="2 4"
              strokeOpacity="0.45"
            />
          )}
          <path
            d={pareto.map((each, i) => `${i === 0 ? 'M' : 'L'}${xOf(each.x, place)} ${yOf(each.y, place)}`).join('')}
            fill="none"
            stroke="var(--muted)"
            strokeWidth="1.25"
            strokeOpacity="0.7"
          />
          {points.map(({ point, x: along, y: up, error }) => (
            <g key={point.key} transform={`translate(${xOf(along, place)} 0)`}>
              {error !== undefined && (
                <ErrorBar from={yOf(lowest(yScale, up, error), place)} to={yOf(up + error, place)} place={place} />
              )}
              <g transform={`translate(0 ${yOf(up, place)})`}>
                <Mark
                  precision={point.precision}
                  kind={point.kind}
                  isPreview={point.is_preview}
                  colour={colourOf(point.methods, colours)}
                  isSelected={point.id === selected}
                />
              </g>
            </g>
          ))}
          <Names points={points} pareto={pareto} selected={selected} place={place} xOf={xOf} yOf={yOf} />
        </>
      )}
    </Plot>
  );
}

/** Pixels of a value; what lies beyond the axis stays at its end. */
function along({ scale, domain: [least, most] }: Scale, value: number, from: number, to: number): number {
  const share =
    scale === 'log'
      ? (Math.log(Math.max(value, least / 2)) - Math.log(least)) / (Math.log(most) - Math.log(least))
      : (value - least) / (most - least || 1);
  return Math.round((from + Math.min(1, Math.max(0, share)) * (to - from)) * 10) / 10;
}

/** A logarithmic axis has no place for zero and what lies below. */
function lowest({ scale, domain }: Scale, value: number, error: number): number {
  return scale === 'log' ? Math.max(domain[0], value - error) : value - error;
}

function ErrorBar({ from, to, place }: { from: number; to: number; place: Place }) {
  if (Math.abs(from - to) < 1 || from < place.top) return null;
  const caps = `M${-CAP} ${from}h${2 * CAP}M${-CAP} ${to}h${2 * CAP}`;
  return <path d={`M0 ${from}V${to}${caps}`} stroke="var(--control)" fill="none" />;
}

interface NamesProps {
  points: readonly Placed[];
  pareto: readonly Placed[];
  selected: string | null;
  place: Place;
  xOf: (value: number, place: Place) => number;
  yOf: (value: number, place: Place) => number;
}

/** Names beside their points where there is room, none over another: the chosen one first, then the best. */
function Names({ points, pareto, selected, place, xOf, yOf }: NamesProps) {
  const longest = Math.round(Math.min(MOST_LONGEST, Math.max(LEAST_LONGEST, (place.right - place.left) * NAME_SHARE)));
  const labelled = useMemo(
    () =>
      points.map((each) => ({
        text: shortened(each.point.label, longest, tailOf(each.point)),
        weight: each.point.id === selected ? 2 : pareto.includes(each) || each.point.kind === 'dense' ? 1 : 0,
      })),
    [points, pareto, selected, longest],
  );
  const at = points.map((each, i) => ({ ...labelled[i], x: xOf(each.x, place), y: yOf(each.y, place) }));
  return placeLabels(at, place).map(({ index, x, y, anchor }) => (
    <text key={points[index].point.key} x={x} y={y} textAnchor={anchor} className="point-label">
      {at[index].text}
    </text>
  ));
}

/** Which file of a run it is. */
function tailOf({ kind, label }: FrontPoint): number {
  return kind === 'file' ? label.length - label.lastIndexOf(',') : 0;
}

function told(point: FrontPoint) {
  const figures = QUANTITY_NAMES.flatMap((name) => {
    const figure = point.figures[name];
    return figure ? { name: meaningOf(name).label, value: formatFigure(name, figure) } : [];
  });
  const precision =
    point.precision === 'stored' ? [] : [{ name: 'precision', value: PRECISION_LABELS[point.precision] }];
  return {
    title: point.kind === 'file' ? `${point.label} (verified file)` : point.label,
    lines: [...figures, ...precision],
    note: protocolText(point.protocol),
  };
}
