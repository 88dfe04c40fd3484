import {
  CartesianGrid,
  Line,
  LineChart,
  ReferenceArea,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import { formatScientific } from '../format.ts';
import { AXIS, axisLabel, GRID, MARGIN, uprightLabel } from './axis.ts';
import { ChartTooltip } from './ChartTooltip.tsx';
import type { SpectrumRow } from './chart_data.ts';
import { Hatch } from './Hatch.tsx';

interface Props {
  rows: readonly SpectrumRow[];
  hiddenSize: number;
  /** Kept dimension; everything beyond is cut. */
  dimension: number;
}

export default function SpectrumChart({ rows, hiddenSize, dimension }: Props) {
  return (
    <ResponsiveContainer>
      <LineChart data={rows as SpectrumRow[]} margin={MARGIN} accessibilityLayer={false}>
        <defs>
          <Hatch id="spectrum-hatch" />
        </defs>
        <CartesianGrid {...GRID} />
        <XAxis
          {...AXIS}
          dataKey="index"
          type="number"
          domain={[1, hiddenSize]}
          ticks={[1, 0.25, 0.5, 0.75, 1].map((share, index) => (index === 0 ? 1 : Math.round(share * hiddenSize)))}
          height={32}
          label={axisLabel('index of the eigenvalue')}
        />
        <YAxis
          {...AXIS}
          width={60}
          label={uprightLabel('eigenvalue')}
          scale="log"
          domain={['auto', 'auto']}
          allowDataOverflow
          ticks={decades(rows)}
          tickFormatter={powerOfTen}
        />
        {dimension < hiddenSize && (
          <ReferenceArea x1={dimension + 0.5} x2={hiddenSize} fill="url(#spectrum-hatch)" ifOverflow="visible" />
        )}
        <Tooltip
          isAnimationActive={false}
          cursor={{ stroke: 'var(--line-strong)' }}
          content={({ active, payload }) => {
            const row = payload?.[0]?.payload as SpectrumRow | undefined;
            return active && row && row.eigenvalue !== null ? (
              <ChartTooltip
                title={`λ${row.index}, ${row.index <= dimension ? 'kept' : 'cut away'}`}
                lines={[{ name: 'eigenvalue', value: formatScientific(row.eigenvalue) }]}
              />
            ) : null;
          }}
        />
        <Line
          dataKey="eigenvalue"
          stroke="var(--dense)"
          strokeWidth={1.75}
          dot={false}
          isAnimationActive={false}
          activeDot={{ r: 3 }}
        />
        <ReferenceLine
          x={dimension + 0.5}
          stroke="var(--sliced)"
          strokeWidth={2}
          label={{
            value: `keep ${dimension}`,
            position: dimension > hiddenSize / 2 ? 'insideTopRight' : 'insideTopLeft',
            fill: 'var(--sliced)',
            fontSize: 11,
            offset: 6,
          }}
        />
      </LineChart>
    </ResponsiveContainer>
  );
}

function decades(rows: readonly SpectrumRow[]): number[] {
  const values = rows.map((row) => row.eigenvalue).filter((value): value is number => value !== null);
  const first = Math.ceil(Math.log10(Math.min(...values)));
  const last = Math.floor(Math.log10(Math.max(...values)));
  const step = Math.max(1, Math.ceil((last - first) / 5));
  const ticks: number[] = [];
  for (let power = first; power <= last; power += step) ticks.push(10 ** power);
  return ticks;
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function powerOfTen(value: number): string {
  const digits = String(Math.round(Math.log10(value)));
  return `10${Array.from(digits, (digit) => (digit === '-' ? '⁻' : SUPERSCRIPTS[Number(digit)])).join('')}`;
}
