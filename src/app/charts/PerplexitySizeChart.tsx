import {
  CartesianGrid,
  ReferenceLine,
  ResponsiveContainer,
  Scatter,
  ScatterChart,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import { protocolText } from '../components/Protocol.tsx';
import { formatBytes, formatCount, formatPerplexity } from '../format.ts';
import { AXIS, axisLabel, bareTick, byteUnit, GRID, MARGIN, niceTicks, tickText } from './axis.ts';
import { ChartTooltip } from './ChartTooltip.tsx';
import type { SizePoint } from './chart_data.ts';

interface Props {
  points: readonly SizePoint[];
  selected: string | null;
  onSelect: (id: string) => void;
}

export default function PerplexitySizeChart({ points, selected, onSelect }: Props) {
  const dense = points.find((point) => point.kind === 'dense');
  const sizes = padded(points.map((point) => point.bytes));
  const { unit, suffix } = byteUnit(sizes.domain[1]);
  const exact = new Set(points.filter((point) => !point.is_preview).map((point) => point.label));
  return (
    <ResponsiveContainer>
      <ScatterChart margin={{ ...MARGIN, top: 18, right: 28 }} accessibilityLayer={false}>
        <CartesianGrid {...GRID} />
        <XAxis
          {...AXIS}
          dataKey="bytes"
          type="number"
          {...sizes}
          tickFormatter={tickText(sizes.ticks, unit, suffix)}
          height={32}
          label={axisLabel('size of the weights')}
        />
        <YAxis
          {...AXIS}
          dataKey="perplexity"
          type="number"
          width={48}
          {...padded(points.map((point) => point.perplexity))}
          tickFormatter={(value) => bareTick(formatPerplexity(value))}
        />
        {dense && <ReferenceLine x={dense.bytes} {...GUIDE} />}
        {dense && <ReferenceLine y={dense.perplexity} {...GUIDE} />}
        <Tooltip
          isAnimationActive={false}
          cursor={false}
          content={({ active, payload }) => {
            const point = payload?.[0]?.payload as SizePoint | undefined;
            return active && point ? <PointTooltip point={point} /> : null;
          }}
        />
        <Scatter
          data={points as SizePoint[]}
          isAnimationActive={false}
          onClick={(_, index) => onSelect(points[index].id)}
          shape={(props: ShapeProps) => (
            <PointMark
              {...props}
              isSelected={props.payload?.id === selected}
              isNamed={!props.payload?.is_preview || !exact.has(props.payload.label)}
            />
          )}
        />
      </ScatterChart>
    </ResponsiveContainer>
  );
}

const GUIDE = { stroke: 'var(--dense)', strokeDasharray: '2 4', strokeOpacity: 0.45 } as const;

/** Some room on either side, so that no point and no label lies on an axis. */
function padded(values: readonly number[]) {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const room = (most - least) * 0.12 || most * 0.1;
  return niceTicks(Math.max(0, least - room), most + room, 4);
}

function PointTooltip({ point }: { point: SizePoint }) {
  return (
    <ChartTooltip
      title={pointTitle(point)}
      lines={[
        { name: 'perplexity', value: formatPerplexity(point.perplexity) },
        { name: 'size', value: formatBytes(point.bytes) },
        { name: 'parameters', value: formatCount(point.parameters) },
      ]}
      note={protocolText(point.protocol)}
    />
  );
}

export function pointTitle(point: SizePoint): string {
  if (point.kind === 'dense') return 'Dense';
  if (point.kind === 'recipe') return point.label;
  return `${point.label}, ${point.kind}${point.is_preview ? ', quick measure' : ''}`;
}

interface ShapeProps {
  cx?: number;
  cy?: number;
  payload?: SizePoint;
}

/** Named, unless an exact run of the same sparsity is: theirs would lie on one another. Square: dense. Circle: sequential. Triangle: a recipe. Diamond: rotate-once, hollow while it is only a quick measure. */
function PointMark({
  cx = 0,
  cy = 0,
  payload,
  isSelected,
  isNamed,
}: ShapeProps & { isSelected: boolean; isNamed: boolean }) {
  if (!payload) return null;
  const fill = payload.kind === 'dense' ? 'var(--dense)' : payload.is_preview ? 'var(--surface)' : 'var(--sliced)';
  const stroke = payload.kind === 'dense' ? 'var(--dense)' : 'var(--sliced)';
  return (
    <g transform={`translate(${cx} ${cy})`} style={{ cursor: payload.kind === 'dense' ? undefined : 'pointer' }}>
      <circle r="12" fill="transparent" />
      {isSelected && <circle r="9" fill="none" stroke={stroke} strokeWidth="1.25" />}
      <path d={MARKS[payload.kind]} fill={fill} stroke={stroke} strokeWidth="1.5" />
      {isNamed && (
        <text
          {...(payload.kind === 'dense' ? BESIDE_GUIDES : { y: -13, textAnchor: 'middle' as const })}
          fontSize="11"
          fill={payload.kind === 'dense' ? 'var(--muted)' : 'var(--sliced)'}
        >
          {shortLabel(payload)}
        </text>
      )}
    </g>
  );
}

/** The guides cross at the dense point: its name stands in a corner of them. */
const BESIDE_GUIDES = { x: -8, y: -9, textAnchor: 'end' } as const;

/** A recipe's text has no room beside its mark; the tooltip and the table have it whole. */
function shortLabel({ kind, label }: SizePoint): string {
  return kind === 'recipe' && label.length > 14 ? `${label.slice(0, 13)}…` : label;
}

const MARKS: Record<SizePoint['kind'], string> = {
  dense: 'M-4 -4H4V4H-4Z',
  sequential: 'M-4.5 0A4.5 4.5 0 1 0 4.5 0A4.5 4.5 0 1 0 -4.5 0Z',
  'rotate-once': 'M0 -5.5L5.5 0L0 5.5L-5.5 0Z',
  recipe: 'M0 -5.5L5 4.5H-5Z',
};
