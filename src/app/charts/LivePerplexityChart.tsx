import { memo } from 'react';
import { Area, CartesianGrid, ComposedChart, Line, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { formatPerplexity } from '../format.ts';
import { AXIS, axisLabel, bareTick, countTicks, GRID, MARGIN, niceTicks, uprightLabel } from './axis.ts';
import { ChartTooltip } from './ChartTooltip.tsx';
import type { CurveRow } from './chart_data.ts';

interface Props {
  rows: readonly CurveRow[];
  /** Windows that will come; the axis stands still while they do. */
  windows: number;
  note?: string;
}

export default memo(function LivePerplexityChart({ rows, windows, note }: Props) {
  const ends = rows.flatMap(({ dense, made, dense_band, made_band }) =>
    [dense, made, ...(dense_band ?? []), ...(made_band ?? [])].filter((end) => end !== undefined),
  );
  const scale = niceTicks(Math.min(...ends), Math.max(...ends));
  return (
    <ResponsiveContainer>
      <ComposedChart data={rows as CurveRow[]} margin={MARGIN} accessibilityLayer={false}>
        <CartesianGrid {...GRID} />
        <XAxis
          {...AXIS}
          dataKey="window"
          type="number"
          domain={[1, Math.max(2, windows)]}
          ticks={countTicks(Math.max(2, windows))}
          interval={0}
          height={32}
          label={axisLabel('window')}
        />
        <YAxis
          {...AXIS}
          label={uprightLabel('perplexity')}
          width={62}
          {...scale}
          tickFormatter={(value) => bareTick(formatPerplexity(value))}
        />
        <Tooltip
          isAnimationActive={false}
          cursor={{ stroke: 'var(--line-strong)' }}
          content={({ active, payload }) => {
            const row = payload?.[0]?.payload as CurveRow | undefined;
            return active && row ? (
              <ChartTooltip title={`After window ${row.window}`} lines={lines(row)} note={note} />
            ) : null;
          }}
        />
        <Area {...BAND} dataKey="dense_band" fill="var(--dense)" />
        <Area {...BAND} dataKey="made_band" fill="var(--sliced)" />
        <Line {...LINE} dataKey="dense" stroke="var(--dense)" strokeWidth={1.75} />
        <Line {...LINE} dataKey="made" stroke="var(--sliced)" strokeWidth={2.25} />
      </ComposedChart>
    </ResponsiveContainer>
  );
});

const BAND = { stroke: 'none', fillOpacity: 0.13, isAnimationActive: false, activeDot: false } as const;
const LINE = { dot: false, isAnimationActive: false, type: 'linear', activeDot: { r: 3 } } as const;

function lines(row: CurveRow) {
  return [
    { name: 'dense', value: withSpread(row.dense, row.dense_band) },
    { name: 'compressed', value: withSpread(row.made, row.made_band) },
  ].filter((line) => line.value !== '');
}

export function withSpread(perplexity: number | undefined, band: [number, number] | undefined): string {
  if (perplexity === undefined) return '';
  const spread = band ? ` ± ${formatPerplexity((band[1] - band[0]) / 2)}` : '';
  return `${formatPerplexity(perplexity)}${spread}`;
}
