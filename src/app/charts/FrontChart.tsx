import {
  CartesianGrid,
  ErrorBar,
  ReferenceLine,
  ResponsiveContainer,
  Scatter,
  ScatterChart,
  Tooltip,
  XAxis as XAxisLine,
  YAxis as YAxisLine,
} from 'recharts';
import { protocolText } from '../components/Protocol.tsx';
import { PRECISION_LABELS } from '../store/exports.ts';
import type { FrontPoint, Placed } from '../store/front.ts';
import { meaningOf, QUANTITY_NAMES, type Quantity } from '../store/quantities.ts';
import { AXIS, GRID, uprightLabel } from './axis.ts';
import { ChartTooltip } from './ChartTooltip.tsx';
import { PLOT } from './front_plot.ts';
import { colourOf, Mark } from './marks.tsx';
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

export default function FrontChart(props: Props) {
  const { points, pareto, x, y, xScale, yScale, colours, selected, onSelect } = props;
  const dense = points.find(({ point }) => point.kind === 'dense');
  return (
    <ResponsiveContainer>
      <ScatterChart margin={PLOT.margin} accessibilityLayer={false}>
        <CartesianGrid {...GRID} />
        <XAxisLine
          {...AXIS}
          dataKey="x"
          type="number"
          {...xScale}
          height={PLOT.axisHeight}
          label={{
            value: axisName(x),
            position: 'insideBottomRight',
            offset: 6,
            fill: 'var(--muted)',
            fontSize: 11,
          }}
        />
        <YAxisLine
          {...AXIS}
          label={uprightLabel(axisName(y))}
          dataKey="y"
          type="number"
          {...yScale}
          width={PLOT.axisWidth}
          allowDataOverflow
        />
        {dense && <ReferenceLine x={dense.x} {...GUIDE} />}
        {dense && <ReferenceLine y={dense.y} {...GUIDE} />}
        <Tooltip
          isAnimationActive={false}
          cursor={false}
          content={({ active, payload }) => {
            const at = payload?.[0]?.payload as Placed | undefined;
            return active && at ? <PointTooltip point={at.point} /> : null;
          }}
        />
        <Scatter
          data={pareto as Placed[]}
          isAnimationActive={false}
          line={{ stroke: 'var(--muted)', strokeWidth: 1.25, strokeOpacity: 0.7 }}
          shape={() => <g />}
          tooltipType="none"
        />
        <Scatter
          data={points as Placed[]}
          isAnimationActive={false}
          onClick={(_, index) => onSelect(points[index].point.id)}
          shape={({ cx = 0, cy = 0, payload }: ShapeProps) =>
            payload ? (
              <g transform={`translate(${cx} ${cy})`} style={{ cursor: 'pointer' }}>
                <circle r="12" fill="transparent" />
                <Mark
                  precision={payload.point.precision}
                  kind={payload.point.kind}
                  isPreview={payload.point.is_preview}
                  colour={colourOf(payload.point.methods, colours)}
                  isSelected={payload.point.id === selected}
                />
              </g>
            ) : (
              <g />
            )
          }
        >
          <ErrorBar dataKey="error" direction="y" width={4} stroke="var(--control)" strokeWidth={1} />
        </Scatter>
      </ScatterChart>
    </ResponsiveContainer>
  );
}

const GUIDE = { stroke: 'var(--dense)', strokeDasharray: '2 4', strokeOpacity: 0.45 } as const;

interface ShapeProps {
  cx?: number;
  cy?: number;
  payload?: Placed;
}

function PointTooltip({ point }: { point: FrontPoint }) {
  const figures = QUANTITY_NAMES.flatMap((name) => {
    const figure = point.figures[name];
    return figure ? { name: meaningOf(name).label, value: formatFigure(name, figure) } : [];
  });
  const precision =
    point.precision === 'stored' ? [] : [{ name: 'precision', value: PRECISION_LABELS[point.precision] }];
  return (
    <ChartTooltip
      title={point.kind === 'file' ? `${point.label} (verified file)` : point.label}
      lines={[...figures, ...precision]}
      note={protocolText(point.protocol)}
    />
  );
}
