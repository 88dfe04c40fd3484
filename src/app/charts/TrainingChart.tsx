import { CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import type { TrainingPoint } from '../../engine/protocol.ts';
import { AXIS, axisLabel, countTicks, GRID, MARGIN, niceTicks, tickText } from './axis.ts';
import { ChartTooltip } from './ChartTooltip.tsx';
import { trainingLines } from './training_lines.ts';

interface Props {
  points: readonly TrainingPoint[];
  /** Steps that will come; the axis stands still while they do. */
  steps: number;
}

export default function TrainingChart({ points, steps }: Props) {
  const losses = points.flatMap(({ training_loss, held_out_loss }) => [training_loss ?? held_out_loss, held_out_loss]);
  const scale = niceTicks(Math.min(...losses), Math.max(...losses));
  return (
    <ResponsiveContainer>
      <LineChart data={points as TrainingPoint[]} margin={MARGIN} accessibilityLayer={false}>
        <CartesianGrid {...GRID} />
        <XAxis
          {...AXIS}
          dataKey="step"
          type="number"
          domain={[0, steps]}
          ticks={[0, ...countTicks(steps).filter((step) => step > steps / 10)]}
          interval={0}
          height={32}
          label={axisLabel('step')}
        />
        <YAxis {...AXIS} width={48} {...scale} tickFormatter={tickText(scale.ticks, 1, '')} />
        <Tooltip
          isAnimationActive={false}
          cursor={{ stroke: 'var(--line-strong)' }}
          content={({ active, payload }) => {
            const point = payload?.[0]?.payload as TrainingPoint | undefined;
            return active && point ? (
              <ChartTooltip title={`After step ${point.step}`} lines={trainingLines(point)} />
            ) : null;
          }}
        />
        <Line {...LINE} dataKey="training_loss" stroke="var(--sliced)" strokeWidth={1.5} strokeDasharray="3 3" />
        <Line {...LINE} dataKey="held_out_loss" stroke="var(--sliced)" strokeWidth={2.25} />
      </LineChart>
    </ResponsiveContainer>
  );
}

const LINE = { dot: false, isAnimationActive: false, type: 'linear', activeDot: { r: 3 }, connectNulls: true } as const;
