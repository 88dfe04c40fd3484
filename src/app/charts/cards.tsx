/** @file The four charts of the centre, each with its data, its table and its empty state. */
import { lazy } from 'react';
import { selectRun } from '../actions/select.ts';
import { ChartCard } from '../components/ChartCard.tsx';
import { Legend } from '../components/Legend.tsx';
import { protocolText } from '../components/Protocol.tsx';
import { formatBytes, formatCount, formatPerplexity } from '../format.ts';
import { shownCurves } from '../store/selectors.ts';
import { chosenPrecision, precisionName } from '../store/sizes.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { curveRows, sizePoints } from './chart_data.ts';

const LivePerplexityChart = lazy(() => import('./LivePerplexityChart.tsx'));
const PerplexitySizeChart = lazy(() => import('./PerplexitySizeChart.tsx'));

export function LivePerplexityCard() {
  const results = useStudioState((state) => state.results);
  const settings = useStudioState((state) => state.settings);
  const job = useStudioState((state) => state.job);
  const { run, dense, sliced, protocol } = shownCurves({ results, settings, job });
  const rows = curveRows(dense, sliced);
  const last = { dense: dense.at(-1), sliced: sliced.at(-1) };
  return (
    <ChartCard
      title="Perplexity, live"
      summary={
        rows.length > 0 && (
          <>
            {last.dense && <span className="figure-dense">{formatPerplexity(last.dense.perplexity)}</span>}
            {last.sliced && <span className="figure-sliced">{formatPerplexity(last.sliced.perplexity)}</span>}
          </>
        )
      }
      note={protocol ? protocolText(protocol) : undefined}
      legend={
        <Legend
          marks={[
            { mark: 'dense', label: 'dense' },
            ...(run && sliced.length > 0
              ? [{ mark: 'sliced' as const, label: `${Math.round(run.slice.options.sparsity * 1000) / 10} %` }]
              : []),
          ]}
        />
      }
      empty={
        results.model
          ? 'The running mean will be drawn here, window by window, with its spread.'
          : 'Open a model: its perplexity will be drawn here window by window, and the sliced model’s over it.'
      }
      columns={[
        { name: 'Window', value: (row) => row.window },
        { name: 'Dense, running mean', value: (row) => (row.dense === undefined ? '–' : formatPerplexity(row.dense)) },
        {
          name: 'Sliced, running mean',
          value: (row) => (row.sliced === undefined ? '–' : formatPerplexity(row.sliced)),
        },
      ]}
      rows={rows}
    >
      <LivePerplexityChart
        rows={rows}
        windows={protocol?.eval_samples ?? rows.length}
        note={protocol ? protocolText(protocol) : undefined}
      />
    </ChartCard>
  );
}

export function PerplexitySizeCard() {
  const studio = useStudio();
  const results = useStudioState((state) => state.results);
  const settings = useStudioState((state) => state.settings);
  const job = useStudioState((state) => state.job);
  const precision = chosenPrecision(settings);
  const { points, omitted } = sizePoints(results, precision);
  const name = results.model && precisionName(results.model, precision);
  const sizes =
    name === null || results.runs.length === 0
      ? null
      : `sliced sizes as ${name}${name === 'f16' ? '' : ', perplexities before rounding'}`;
  const selected = shownCurves({ results, settings, job }).run?.id ?? null;
  return (
    <ChartCard
      title="Perplexity against size"
      note={
        [sizes, omitted > 0 ? `${omitted} measured on other texts, not drawn` : null].filter(Boolean).join(' · ') ||
        undefined
      }
      legend={
        <Legend
          marks={[
            { mark: 'dense-point', label: 'dense' },
            { mark: 'sequential', label: 'sequential' },
            { mark: 'rotate-once', label: 'rotate-once' },
            { mark: 'preview', label: 'quick' },
          ]}
        />
      }
      empty="Every run of this model becomes a point here, next to the dense model. Slice it, or run the sweep."
      columns={[
        { name: 'Run', value: (point) => point.label, isText: true },
        { name: 'Schedule', value: (point) => (point.kind === 'dense' ? '–' : point.kind), isText: true },
        { name: 'Size', value: (point) => formatBytes(point.bytes) },
        { name: 'Parameters', value: (point) => formatCount(point.parameters) },
        { name: 'Perplexity', value: (point) => formatPerplexity(point.perplexity) },
        { name: 'Protocol', value: (point) => protocolText(point.protocol), isText: true },
      ]}
      rows={points}
    >
      <PerplexitySizeChart points={points} selected={selected} onSelect={(id) => selectRun(studio, id)} />
    </ChartCard>
  );
}
