import { useEffect, useMemo, useState } from 'react';
import { estimateJob, memoryVerdict, type StorageEstimate } from '../../engine/plan.ts';
import { Facts } from '../components/Facts.tsx';
import { formatBytes } from '../format.ts';
import { usePlan } from '../store/selectors.ts';
import { useStudioState } from '../studio.ts';

const PARTS = [
  ['weights', 'Weights of one layer'],
  ['activations', 'Hidden states'],
  ['matrices', 'Bases and covariances'],
  ['workspace', 'Workspace of a batch'],
  ['head', 'Embedding and head, in blocks'],
  ['other', 'Other'],
] as const;

/** What the chosen settings will need at most, before they are run. */
export function MemoryEstimate() {
  const model = useStudioState((state) => state.results.model);
  const backend = useStudioState((state) => state.results.backend);
  const { schedule, texts } = useStudioState((state) => state.settings);
  const { plan } = usePlan();
  const storage = useStorageEstimate();
  const { seqlen, samples, eval_samples } = texts;
  const job = useMemo(() => {
    if (!model || !backend || !plan) return null;
    const { head, dimensions } = plan;
    const windows = { seqlen, samples, eval_samples };
    return { shape: model.shape, backend, windows, slices: [{ schedule, head, dimensions }] };
  }, [model, backend, plan, schedule, seqlen, samples, eval_samples]);
  const memory = useMemo(() => job && estimateJob(job), [job]);
  if (!job || !memory) return null;
  const { fits, notes } = memoryVerdict(memory, job, storage);
  const { breakdown, host, storage: needed } = memory;
  const name = job.backend.kind === 'webgpu' ? 'GPU memory' : 'Memory';
  const facts = [
    ...PARTS.filter(([part]) => breakdown[part] > 0).map(([part, label]) => ({
      name: label,
      value: formatBytes(breakdown[part]),
    })),
    { name: 'Beside it, in the page’s own memory', value: formatBytes(host.stored_layer + host.readback) },
    { name: 'In the browser’s storage', value: formatBytes(needed.spill + needed.weights) },
  ];
  return (
    <details className="fold" data-memory={fits ? 'fits' : 'too-large'}>
      <summary>
        {name}: at most {formatBytes(memory.device_bytes)}
        {fits ? '' : ' — does not fit'}
      </summary>
      <p className="muted">At its peak, which is during {memory.step}:</p>
      <Facts facts={facts} />
      {notes.map((note) => (
        <p key={note} className="notice">
          {note}
        </p>
      ))}
    </details>
  );
}

/** Room in the browser's storage; undefined where it does not say. */
function useStorageEstimate(): StorageEstimate | undefined {
  const [estimate, setEstimate] = useState<StorageEstimate>();
  useEffect(() => {
    let isGone = false;
    const storage = (navigator as Partial<Navigator>).storage;
    void storage
      ?.estimate?.()
      .then((found) => {
        if (!isGone) setEstimate(found);
      })
      .catch(() => {});
    return () => {
      isGone = true;
    };
  }, []);
  return estimate;
}
