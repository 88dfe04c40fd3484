import { lazy, useMemo } from 'react';
import { showRun } from '../actions/runs.ts';
import { ChartCard } from '../components/ChartCard.tsx';
import { protocolText } from '../components/Protocol.tsx';
import { formatBytes } from '../format.ts';
import { PRECISION_LABELS } from '../store/exports.ts';
import {
  colourOrder,
  type FrontPoint,
  frontOf,
  paretoFront,
  placed,
  X_AXES,
  type XAxis,
  Y_AXES,
  type YAxis,
} from '../store/front.ts';
import { shownRun } from '../store/selectors.ts';
import { changeFront } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { FrontLegend } from './FrontLegend.tsx';
import { formatError, formatX, formatY, xScale, yScale } from './scales.ts';
import { TargetHandle } from './TargetHandle.tsx';

const FrontChart = lazy(() => import('./FrontChart.tsx'));

/** Quality against size: every run, every method, every file; and the size that is aimed at. */
export function FrontCard() {
  const studio = useStudio();
  const results = useStudioState((state) => state.results);
  // Neither slider may redraw this: the target's line is drawn by its handle.
  const exports = useStudioState((state) => state.settings.export);
  const x = useStudioState((state) => state.front.x);
  const y = useStudioState((state) => state.front.y);
  const selected = useStudioState((state) => state.selected ?? shownRun(state.results, state.settings)?.id ?? null);
  const { points, omitted } = useMemo(() => frontOf(results, { export: exports }), [results, exports]);
  const at = useMemo(() => placed(points, x, y), [points, x, y]);
  const pareto = useMemo(() => paretoFront(at.placed, x, y), [at, x, y]);
  const colours = useMemo(() => colourOrder(points), [points]);
  const { model } = results;
  const scales = useMemo(
    () => ({
      x: xScale(x, xValues(at.placed, x, model?.bytes ?? 1), x === 'bytes' && model ? model.bytes * 0.16 : undefined),
      y: yScale(y, at.placed.length > 0 ? at.placed.flatMap(reach) : [y === 'top1' ? 0.5 : 1]),
    }),
    [at, x, y, model],
  );
  return (
    <ChartCard
      title="Quality against size"
      className="front-card"
      controls={
        model && (
          <>
            <AxisSelect
              label="Up"
              value={y}
              names={Y_NAMES}
              labels={Y_AXES}
              onChange={(next) => changeFront(studio.store, { y: next })}
            />
            <AxisSelect
              label="Along"
              value={x}
              names={X_NAMES}
              labels={X_AXES}
              onChange={(next) => changeFront(studio.store, { x: next })}
            />
          </>
        )
      }
      note={noteOf(at.missing, omitted, y)}
      summary={model && <FrontLegend points={at.placed.map(({ point }) => point)} colours={colours} />}
      empty="Every model that you make becomes a point here, beside the original: how good it still is against how large. Name a size, and the best model of that size is looked for."
      columns={COLUMNS}
      rows={points}
      overlay={
        x === 'bytes' && model && at.placed.length > 0 && <TargetHandle model={model} domain={scales.x.domain} />
      }
    >
      <FrontChart
        points={at.placed}
        pareto={pareto}
        x={x}
        y={y}
        xScale={scales.x}
        yScale={scales.y}
        colours={colours}
        selected={selected}
        onSelect={(id) => showRun(studio, id)}
      />
    </ChartCard>
  );
}

const X_NAMES = Object.keys(X_AXES) as XAxis[];
const Y_NAMES = Object.keys(Y_AXES) as YAxis[];

/** The size axis reaches up to the original, whatever is drawn. */
function xValues(points: readonly { x: number }[], axis: XAxis, bytes: number): number[] {
  const values = points.map((point) => point.x);
  return axis === 'bytes' || axis === 'memory' || values.length === 0 ? [...values, bytes] : values;
}

function reach({ y, error = 0 }: { y: number; error?: number }): number[] {
  return y - error > 0 ? [y - error, y + error] : [y, y + error];
}

interface AxisProps<T extends string> {
  label: string;
  value: T;
  names: readonly T[];
  labels: Readonly<Record<T, { short: string }>>;
  onChange: (value: T) => void;
}

function AxisSelect<T extends string>({ label, value, names, labels, onChange }: AxisProps<T>) {
  return (
    <select aria-label={`${label}: axis`} value={value} onChange={(event) => onChange(event.target.value as T)}>
      {names.map((name) => (
        <option key={name} value={name}>
          {labels[name].short}
        </option>
      ))}
    </select>
  );
}

function noteOf(missing: number, omitted: number, y: YAxis): string | undefined {
  const parts = [
    missing > 0 && `${missing} without a ${y === 'perplexity' ? 'figure' : Y_AXES[y].label} of their own, not drawn`,
    omitted > 0 && `${omitted} measured on other texts, not drawn`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(' · ') : undefined;
}

const figure = (point: FrontPoint, axis: YAxis) => {
  const found = point.y[axis];
  if (!found) return '–';
  return `${formatY(axis, found.value)}${found.error === null ? '' : ` ± ${formatError(axis, found.error)}`}`;
};

const COLUMNS = [
  { name: 'Model', value: (point: FrontPoint) => point.label, isText: true },
  { name: 'Precision', value: (point: FrontPoint) => PRECISION_LABELS[point.precision], isText: true },
  { name: 'Size', value: (point: FrontPoint) => (point.x.bytes === undefined ? '–' : formatBytes(point.x.bytes)) },
  { name: 'Perplexity', value: (point: FrontPoint) => figure(point, 'perplexity') },
  { name: 'KL divergence', value: (point: FrontPoint) => figure(point, 'kl') },
  { name: 'Top-1 agreement', value: (point: FrontPoint) => figure(point, 'top1') },
  {
    name: 'Speed',
    value: (point: FrontPoint) => (point.x.prefill === undefined ? '–' : formatX('prefill', point.x.prefill)),
  },
  { name: 'Protocol', value: (point: FrontPoint) => protocolText(point.protocol), isText: true },
];
