/** @file The live perplexity, with its data, its table and its empty state. */
import { useMemo } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { ChartCard } from '../components/ChartCard.tsx';
import { Legend } from '../components/Legend.tsx';
import { lazyPart } from '../components/lazy_part.tsx';
import { protocolText } from '../components/Protocol.tsx';
import { formatPerplexity } from '../format.ts';
import { labelOf } from '../store/front.ts';
import type { Run } from '../store/results.ts';
import { shownCurves } from '../store/selectors.ts';
import { useStudioState } from '../studio.ts';
import { type CurveRow, curveRows } from './chart_data.ts';

const LivePerplexityChart = lazyPart(() => import('./LivePerplexityChart.tsx'));

export function LivePerplexityCard() {
  const hasModel = useStudioState((state) => state.results.model !== null);
  // The slider redraws it only where it comes to another run.
  const { run, dense, made, protocol } = useStudioState(useShallow(shownCurves));
  const rows = useMemo(() => curveRows(dense, made), [dense, made]);
  const last = { dense: dense.at(-1), made: made.at(-1) };
  return (
    <ChartCard
      title="Perplexity, live"
      summary={
        rows.length > 0 && (
          <>
            {last.dense && <span className="figure-dense">{formatPerplexity(last.dense.perplexity)}</span>}
            {last.made && <span className="figure-sliced">{formatPerplexity(last.made.perplexity)}</span>}
          </>
        )
      }
      note={protocol ? protocolText(protocol) : undefined}
      legend={
        <Legend
          marks={[
            { mark: 'dense', label: 'dense' },
            ...(run && made.length > 0 ? [{ mark: 'made' as const, label: curveLabel(run) }] : []),
          ]}
        />
      }
      empty={
        hasModel
          ? 'The running mean will be drawn here, window by window, with its spread.'
          : 'Open a model: its perplexity will be drawn here window by window, and the smaller model’s over it.'
      }
      columns={[
        { name: 'Window', value: (row) => row.window },
        {
          name: 'Dense, running mean',
          value: (row) => (row.dense === undefined ? '–' : formatPerplexity(row.dense)),
          csv: curveCsv('dense'),
        },
        {
          name: 'Compressed, running mean',
          value: (row) => (row.made === undefined ? '–' : formatPerplexity(row.made)),
          csv: curveCsv('made'),
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

/** The running mean, and how far its band reaches: one standard error to each side. */
function curveCsv(name: 'dense' | 'made') {
  const band = (row: CurveRow) => row[`${name}_band`];
  return [
    { name: `${name}_perplexity`, value: (row: CurveRow) => row[name] },
    { name: `${name}_low`, value: (row: CurveRow) => band(row)?.[0] },
    { name: `${name}_high`, value: (row: CurveRow) => band(row)?.[1] },
  ];
}

/** A recipe's text has no room in a legend; the table of runs has it whole. */
function curveLabel(run: Run): string {
  const label = labelOf(run);
  return label.length > 22 ? `${label.slice(0, 21)}…` : label;
}
