import { Bar, BarChart, CartesianGrid, Rectangle, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { formatPercent } from '../format.ts';
import type { SiteEnergy } from '../store/plan.ts';
import { AXIS, axisLabel, GRID, MARGIN, niceTicks, tickText, uprightLabel } from './axis.ts';
import { ChartTooltip } from './ChartTooltip.tsx';
import { siteName } from './chart_data.ts';
import { Hatch } from './Hatch.tsx';

interface Props {
  energies: readonly SiteEnergy[];
  selected: number;
  onSelect: (site: number) => void;
}

export default function EnergyChart({ energies, selected, onSelect }: Props) {
  const most = energies.reduce((largest, { discarded }) => Math.max(largest, discarded), 0) || 0.01;
  const scale = niceTicks(0, most);
  return (
    <ResponsiveContainer>
      <BarChart data={energies as SiteEnergy[]} margin={MARGIN} accessibilityLayer={false} barCategoryGap="22%">
        <defs>
          <Hatch id="energy-hatch" />
        </defs>
        <CartesianGrid {...GRID} />
        <XAxis {...AXIS} dataKey="label" tickFormatter={siteName} height={32} label={axisLabel('layer and site')} />
        <YAxis
          {...AXIS}
          label={uprightLabel('share of variance')}
          width={70}
          tickFormatter={tickText(scale.ticks, 0.01, ' %')}
          {...scale}
        />
        <Tooltip
          isAnimationActive={false}
          cursor={{ fill: 'var(--hover)' }}
          content={({ active, payload }) => {
            const row = payload?.[0]?.payload as SiteEnergy | undefined;
            return active && row ? (
              <ChartTooltip
                title={row.label}
                lines={[{ name: 'discarded', value: row.is_cut ? formatPercent(row.discarded) : 'nothing, not cut' }]}
              />
            ) : null;
          }}
        />
        <Bar
          dataKey="discarded"
          isAnimationActive={false}
          cursor="pointer"
          maxBarSize={36}
          onClick={(_, index) => onSelect(energies[index].site)}
          shape={(props: { payload?: SiteEnergy }) => (
            <Rectangle
              {...props}
              fill="url(#energy-hatch)"
              stroke={props.payload?.site === selected ? 'var(--sliced)' : 'var(--cut)'}
              strokeWidth={props.payload?.site === selected ? 2 : 1}
            />
          )}
        />
      </BarChart>
    </ResponsiveContainer>
  );
}
