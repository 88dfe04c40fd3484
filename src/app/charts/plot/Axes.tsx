import type { Place } from './Plot.tsx';

export interface Tick {
  /** In the drawing's pixels, along the axis. */
  at: number;
  text: string;
}

interface Props {
  place: Place;
  xTicks: readonly Tick[];
  yTicks: readonly Tick[];
  xLabel: string;
  yLabel: string;
  /** Pixels that the figures below keep free for what lies on the axis. */
  below?: number;
}

/** Quiet axes with a line of the grid at each figure of the upright one. */
export function Axes({ place: { left, right, top, bottom }, xTicks, yTicks, xLabel, yLabel, below = 0 }: Props) {
  return (
    <g className="plot-axes">
      {yTicks.map(({ at, text }) => (
        <g key={text}>
          <path d={`M${left} ${at}H${right}`} className="plot-grid" />
          <text x={left - 8} y={at + 4} textAnchor="end">
            {text}
          </text>
        </g>
      ))}
      <path d={`M${left} ${top}V${bottom}H${right}`} className="plot-axis" />
      {xTicks.map(({ at, text }) => (
        <text key={`${at} ${text}`} x={at} y={bottom + 15 + below} textAnchor="middle">
          {text}
        </text>
      ))}
      <text x={(left + right) / 2} y={bottom + 30 + below} textAnchor="middle">
        {xLabel}
      </text>
      <text transform={`translate(11 ${(top + bottom) / 2}) rotate(-90)`} textAnchor="middle">
        {yLabel}
      </text>
    </g>
  );
}
