/** @file What each thread, stage and kernel of the last job did when, and where its time went. */
import { useDeferredValue, useId, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import { downloadBlob } from '../../../platform/download.ts';
import { GPU_THREAD } from '../../../pulse/timeline.ts';
import { chromeTrace } from '../../../report/timeline/chrome_trace.ts';
import { threadName } from '../../../report/timeline/names.ts';
import { rowsOf } from '../../../report/timeline/rows.ts';
import {
  type Busy,
  busyThreads,
  droppedSpans,
  type Sum,
  sumsOf,
  topKernels,
  type Window,
} from '../../../report/timeline/summary.ts';
import { SaveChart } from '../../components/SaveChart.tsx';
import { fileStem, formatInteger, formatPercent } from '../../format.ts';
import { useStudio, useStudioState } from '../../studio.ts';
import '../../styles/timeline.css';
import { type Recorded, recorderOf } from './recorder.ts';
import { SUM_COLUMNS, SumsTable } from './SumsTable.tsx';
import { TimelineCanvas } from './TimelineCanvas.tsx';
import { axisText, formatMs, moved, zoomed } from './view.ts';

export default function TimelineCard() {
  const id = useId();
  const recorder = recorderOf(useStudio());
  const { recorded } = useStore(recorder.store);
  const isEmpty = !recorded || recorded.lanes.every(({ name }) => name.length === 0);
  return (
    <section className="chart-card timeline-card" aria-labelledby={id}>
      {isEmpty ? (
        <>
          <header>
            <h2 id={id}>Timeline</h2>
          </header>
          <p className="muted">
            {recorded?.isRunning
              ? `${recorded.title}: it is drawn from what the engine tells every two seconds.`
              : 'The next job will be drawn here: stages, threads and kernels, and where its time went.'}
          </p>
        </>
      ) : (
        <Drawn id={id} recorded={recorded} />
      )}
    </section>
  );
}

function Drawn({ id, recorded }: { id: string; recorded: Recorded }) {
  const { lanes, window: all, title, isRunning } = recorded;
  const model = useStudioState(({ results }) => results.model?.name ?? '');
  // Of one job; another begins with all of itself.
  const [seen, setSeen] = useState<{ job: number; view: Window } | null>(null);
  const view = seen && seen.job === all.start ? seen.view : all;
  const see = (next: Window) => setSeen(next === all ? null : { job: all.start, view: next });
  const rows = useMemo(() => rowsOf(lanes), [lanes]);
  const whole = useMemo(() => sumsOf(lanes, all), [lanes, all]);
  const colours = useMemo(() => coloursOf(whole), [whole]);
  const calm = useDeferredValue(view);
  const sums = useMemo(() => sumsOf(lanes, calm), [lanes, calm]);
  const busy = useMemo(() => busyThreads(lanes, calm), [lanes, calm]);
  const length = view.end - view.start;
  const note = [
    `${title}${isRunning ? ', so far' : ''}: ${formatMs(all.end - all.start)}.`,
    idleText(busy),
    topText(sums),
    gpuText(lanes),
    droppedText(lanes),
  ];
  return (
    <>
      <header>
        <h2 id={id}>Timeline</h2>
        <div className="chart-controls">
          <SaveChart title="Timeline" columns={SUM_COLUMNS} rows={() => sums} isDrawn>
            <button
              type="button"
              title="For chrome://tracing and ui.perfetto.dev"
              onClick={() =>
                void downloadBlob(
                  new Blob([chromeTrace(lanes)], { type: 'application/json' }),
                  `${fileStem(model, 'trace')}.json`,
                )
              }
            >
              Trace (JSON)
            </button>
          </SaveChart>
        </div>
      </header>
      <p className="protocol chart-note">{note.filter(Boolean).join(' ')}</p>
      <div className="chart-tools timeline-tools">
        <button type="button" onClick={() => see(moved(view, all, -0.5))} aria-label="Earlier">
          ←
        </button>
        <button type="button" onClick={() => see(moved(view, all, 0.5))} aria-label="Later">
          →
        </button>
        <button type="button" onClick={() => see(zoomed(view, all, 0.5))} aria-label="Zoom in">
          +
        </button>
        <button type="button" onClick={() => see(zoomed(view, all, 2))} aria-label="Zoom out">
          −
        </button>
        <button type="button" onClick={() => see(all)}>
          All
        </button>
        <output className="muted">
          {view === all
            ? 'The whole job'
            : `${axisText(view.start - all.start, length)} to ${axisText(view.end - all.start, length)}`}
        </output>
      </div>
      <TimelineCanvas rows={rows} view={view} all={all} colours={colours} onView={see} />
      <SumsTable sums={sums} colours={colours} />
    </>
  );
}

/** The kernels that take most have a colour of their own, in the order of their time in the whole job. */
function coloursOf(sums: readonly Sum[]): ReadonlyMap<string, number> {
  const names = new Set(sums.filter(({ kind }) => kind === 'kernel' || kind === 'gpu').map(({ name }) => name));
  return new Map([...names].slice(0, 8).map((name, i) => [name, i]));
}

function idleText(busy: readonly Busy[]): string {
  if (busy.length === 0) return '';
  const shares = busy.map(({ thread, idle_share }) => `${threadName(thread)} ${formatPercent(idle_share)}`);
  return `Without a kernel: ${shares.join(', ')}.`;
}

function topText(sums: readonly Sum[]): string {
  const top = topKernels(sums, 5);
  if (top.length === 0) return '';
  return `Most in ${top.map(({ name, share }) => `${name} ${formatPercent(share)}`).join(', ')}.`;
}

function gpuText(lanes: Recorded['lanes']): string {
  const gpu = lanes.find(({ thread }) => thread === GPU_THREAD);
  if (gpu?.source === 'timestamps') return 'GPU times are its own timestamps, as fine as the browser rounds them.';
  if (gpu?.source === 'submits')
    return 'This adapter tells no timestamps: of the GPU whole submits are shown; kernels of the engine are the time to hand them over.';
  return '';
}

function droppedText(lanes: Recorded['lanes']): string {
  const dropped = droppedSpans(lanes);
  return dropped > 0 ? `${formatInteger(dropped)} older spans made room for later ones and are left out.` : '';
}
