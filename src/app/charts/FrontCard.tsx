import { useMemo } from 'react';
import { showRun } from '../actions/runs.ts';
import { ChartCard } from '../components/ChartCard.tsx';
import { lazyPart } from '../components/lazy_part.tsx';
import { protocolText } from '../components/Protocol.tsx';
import { PRECISION_LABELS } from '../store/exports.ts';
import { colourOrder, type FrontPoint, frontOf, isLogarithmic, paretoFront, placed } from '../store/front.ts';
import { figureColumns, meaningOf, QUANTITY_NAMES, type Quantity } from '../store/quantities.ts';
import { shownRun } from '../store/selectors.ts';
import { changeFront } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { FrontLegend } from './FrontLegend.tsx';
import { formatFigure, scaleOf } from './scales.ts';
import { TargetHandle } from './TargetHandle.tsx';

const FrontChart = lazyPart(() => import('./FrontChart.tsx'));

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
      x: scaleOf(
        x,
        xValues(at.placed, x, model?.bytes ?? 1),
        x === 'bytes' && model ? { least: model.bytes * 0.16 } : {},
      ),
      y: scaleOf(y, at.placed.length > 0 ? at.placed.flatMap((each) => reach(each, y)) : [1], { count: 4 }),
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
            <AxisSelect label="Up" value={y} onChange={(next) => changeFront(studio.store, { y: next })} />
            <AxisSelect label="Along" value={x} onChange={(next) => changeFront(studio.store, { x: next })} />
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

/** The size axis reaches up to the original, whatever is drawn. */
function xValues(points: readonly { x: number }[], axis: Quantity, bytes: number): number[] {
  const values = points.map((point) => point.x);
  if (values.length === 0) return [bytes];
  return axis === 'bytes' || axis === 'memory' ? [...values, bytes] : values;
}

/** As far as the bars of error go; below zero they have no place on a logarithmic axis. */
function reach({ y, error = 0 }: { y: number; error?: number }, axis: Quantity): number[] {
  return y - error > 0 || !isLogarithmic(axis) ? [y - error, y + error] : [y, y + error];
}

interface AxisProps {
  label: string;
  value: Quantity;
  onChange: (value: Quantity) => void;
}

function AxisSelect({ label, value, onChange }: AxisProps) {
  return (
    <select
      aria-label={`${label}: axis`}
      title={meaningOf(value).help}
      value={value}
      onChange={(event) => onChange(event.target.value as Quantity)}
    >
      {QUANTITY_NAMES.map((name) => (
        <option key={name} value={name}>
          {meaningOf(name).short}
        </option>
      ))}
    </select>
  );
}

function noteOf(missing: number, omitted: number, y: Quantity): string | undefined {
  const parts = [
    missing > 0 && `${missing} without a ${y === 'perplexity' ? 'figure' : meaningOf(y).label} of their own, not drawn`,
    omitted > 0 && `${omitted} measured on other texts, not drawn`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(' · ') : undefined;
}

const COLUMNS = [
  { name: 'Model', value: (point: FrontPoint) => point.label, isText: true },
  { name: 'Precision', value: (point: FrontPoint) => PRECISION_LABELS[point.precision], isText: true },
  ...QUANTITY_NAMES.map((name) => ({
    name: capital(meaningOf(name).label),
    value: (point: FrontPoint) => formatFigure(name, point.figures[name]),
    csv: figureColumns(name, (point: FrontPoint) => point.figures),
  })),
  { name: 'Protocol', value: (point: FrontPoint) => protocolText(point.protocol), isText: true },
];

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
