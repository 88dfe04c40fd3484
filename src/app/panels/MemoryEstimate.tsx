import { useDeferredValue, useEffect, useMemo, useState } from 'react';
import { estimateJob, memoryVerdict, storageNeed } from '../../engine/memory_plan.ts';
import type { MemoryReport } from '../../engine/protocol.ts';
import { browserHeap } from '../../platform/heap_meter.ts';
import { Facts } from '../components/Facts.tsx';
import { formatBytes } from '../format.ts';
import { usePlanOf } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';

const PARTS = [
  ['weights', 'Weights of one layer'],
  ['activations', 'Hidden states'],
  ['matrices', 'Bases and covariances'],
  ['workspace', 'Workspace of a batch'],
  ['head', 'Embedding and head, in blocks'],
  ['other', 'Other'],
] as const;

/** What the chosen settings will need at most, before they are run; below it, what the jobs of this model took. */
export function MemoryEstimate() {
  const model = useStudioState((state) => state.results.model);
  const backend = useStudioState((state) => state.results.backend);
  const measured = useStudioState((state) => state.memory);
  // Counted when the slider leaves time for it.
  const settings = useDeferredValue(useStudioState((state) => state.settings));
  const { schedule, texts } = settings;
  const { plan } = usePlanOf(settings);
  const { seqlen, samples, eval_samples } = texts;
  const job = useMemo(() => {
    if (!model || !backend || !plan) return null;
    const { head, dimensions } = plan;
    const windows = { seqlen, samples, eval_samples };
    // Opening a model and releasing the slider calibrate by rotate-once, whatever the schedule.
    const schedules = new Set([schedule, 'rotate-once'] as const);
    const slices = [...schedules].map((each) => ({ schedule: each, head, dimensions }));
    return { shape: model.shape, backend, windows, slices };
  }, [model, backend, plan, schedule, seqlen, samples, eval_samples]);
  const memory = useMemo(() => job && estimateJob(job), [job]);
  const storage_bytes = useStorage(memory ? storageNeed(memory.storage) : 0);
  if (!job || !memory) return null;
  const { fits, notes } = memoryVerdict(memory, job, { memory_bytes: toldMemory(), storage_bytes });
  const { breakdown, host, storage } = memory;
  const name = job.backend.kind === 'webgpu' ? 'GPU memory' : 'Memory';
  const facts = PARTS.filter(([part]) => breakdown[part] > 0).map(([part, label]) => ({
    name: label,
    value: formatBytes(breakdown[part]),
  }));
  const beside = [
    {
      name: 'The page’s own memory',
      value: formatBytes(host.stored_layer + host.readback),
      title: 'Weights read ahead of their use, and the matrices that are checked in 64 bits',
    },
    {
      name: 'On disk',
      value: formatBytes(storageNeed(storage)),
      title: 'In the browser’s storage: sliced weights, bases, and calibration states that do not fit into memory',
    },
  ];
  return (
    <details className="fold" data-memory={fits ? 'fits' : 'too-large'} open={!fits}>
      <summary>
        {name}: at most {formatBytes(memory.device_bytes)}
        {fits ? '' : ' · does not fit'}
      </summary>
      <div className="fold-body">
        <p className="muted">An estimate of the peak, which is during {memory.step}:</p>
        <Facts facts={facts} />
        <p className="muted">Beside it:</p>
        <Facts facts={beside} />
        {notes.map((note) => (
          <p key={note} className="notice">
            {note}
          </p>
        ))}
        {measured && measured.peak_gpu_bytes > 0 && (
          <>
            <p className="muted">Measured, at most, since the model was opened:</p>
            <Facts facts={measuredFacts(name, measured)} />
          </>
        )}
      </div>
    </details>
  );
}

function measuredFacts(name: string, { peak_gpu_bytes, peak_heap_bytes }: MemoryReport) {
  return [
    { name, value: formatBytes(peak_gpu_bytes), title: 'Counted at every allocation' },
    {
      name: 'The page’s own memory',
      value: peak_heap_bytes === undefined ? notTold() : formatBytes(peak_heap_bytes),
      title: 'Page and Workers, as the browser tells it from time to time',
    },
  ];
}

function notTold(): string {
  return browserHeap() ? 'not told yet' : 'not told by this browser';
}

/** Browsers round this down and say no more than 8, whatever there is; less is a real limit. */
const LARGEST_TOLD_GIB = 8;

function toldMemory(): number | undefined {
  const { deviceMemory } = navigator as Navigator & { deviceMemory?: number };
  return deviceMemory !== undefined && deviceMemory < LARGEST_TOLD_GIB ? deviceMemory * 2 ** 30 : undefined;
}

/** While a slider moves nothing is tried. */
const CALM_MS = 400;

/** What the engine found by trying to be free for this site; undefined until it has tried, and where it cannot. */
function useStorage(needed: number): number | undefined {
  const { engine } = useStudio();
  const [free, setFree] = useState<number>();
  const isKnown = free !== undefined && free >= needed;
  useEffect(() => {
    if (needed === 0 || isKnown) return;
    const timer = setTimeout(() => {
      engine.run('room', { needed }).then(
        (found) => setFree(found ?? undefined),
        () => setFree(undefined),
      );
    }, CALM_MS);
    return () => clearTimeout(timer);
  }, [engine, needed, isKnown]);
  return free;
}
