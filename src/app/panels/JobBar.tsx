import { Suspense, useState } from 'react';
import type { ErrorData } from '../../errors/errors.ts';
import { cancelJob } from '../actions/job.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { lazyPart } from '../components/lazy_part.tsx';
import { formatClock } from '../format.ts';
import type { JobKind, JobState } from '../store/job.ts';
import { isAnythingMeasured } from '../store/results.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { RunningJobLine } from './RunningJobLine.tsx';

const NotifyButton = lazyPart(() => import('./NotifyButton.tsx'), { isAside: true });

const SAID_ELSEWHERE: ReadonlySet<JobKind> = new Set(['export', 'download']);

export function JobBar() {
  const studio = useStudio();
  const job = useStudioState((state) => state.job);
  const interruption = useStudioState((state) => state.interruption);
  const hasMeasures = useStudioState(({ results }) => isAnythingMeasured(results));
  return (
    <section className="job-bar" aria-label="Job" data-state={job.state}>
      {/* A failed export or download says so where it was asked for, in its panel. */}
      {interruption ? (
        <Failure {...interruption} onDismiss={() => studio.store.setState({ interruption: null })} />
      ) : (
        job.state === 'failed' && !SAID_ELSEWHERE.has(job.kind) && <JobFailure key={job.error.message} job={job} />
      )}
      {job.state === 'running' ? (
        <RunningJobLine job={job} />
      ) : (
        <p className="job-line">{restingText(job, hasMeasures)}</p>
      )}
      {job.state === 'running' && job.kind !== 'start' && job.kind !== 'preview' && (
        <Suspense fallback={null}>
          <NotifyButton />
        </Suspense>
      )}
      <ActionButton
        className="cancel"
        data-action="cancel"
        hindrance={cancelHindrance(job)}
        title="Cancel (Esc)"
        onClick={() => cancelJob(studio)}
      >
        {job.state === 'running' && job.cancelling ? 'Cancelling' : 'Cancel'}
      </ActionButton>
      <p className="visually-hidden" role="status">
        {announcement(job)}
      </p>
    </section>
  );
}

function cancelHindrance(job: JobState): string | null {
  if (job.state !== 'running') return 'Nothing is running';
  if (job.kind === 'recover') return 'Without the engine nothing else works';
  return job.cancelling ? 'It is being cancelled' : null;
}

function JobFailure({ job }: { job: Extract<JobState, { state: 'failed' }> }) {
  const [isOpen, setOpen] = useState(true);
  if (!isOpen) return null;
  return <Failure title={`${job.title}: failed`} error={job.error} onDismiss={() => setOpen(false)} />;
}

/** Stands over the page's edge, so that nothing moves; the results stay where they are. */
function Failure({ title, error, onDismiss }: { title: string; error: ErrorData; onDismiss: () => void }) {
  return (
    <div className="failure">
      <ErrorNote title={title} error={error} />
      <button type="button" className="quiet" onClick={onDismiss}>
        Dismiss
      </button>
    </div>
  );
}

function restingText(job: Exclude<JobState, { state: 'running' }>, hasMeasures: boolean): React.ReactNode {
  switch (job.state) {
    case 'idle':
      return <span className="muted">Nothing is running</span>;
    case 'finished': {
      const time = formatClock(job.duration_ms / 1000);
      const kept = job.kind === 'download' ? 'what was downloaded stays' : hasMeasures && 'what was measured stays';
      return (
        <>
          {job.title}{' '}
          <span className="muted">
            {job.outcome === 'done' ? `done in ${time}` : `cancelled after ${time}${kept ? `; ${kept}` : ''}`}
          </span>
        </>
      );
    }
    case 'failed':
      return (
        <>
          {job.title} <span className="job-failed">failed: {job.error.message}</span>
        </>
      );
  }
}

/** Only beginnings and ends are spoken; a screen reader reads the progress bar when asked. */
function announcement(job: JobState): string {
  if (job.state === 'running') return job.title;
  if (job.state === 'finished') return `${job.title} ${job.outcome === 'done' ? 'done' : 'cancelled'}`;
  return '';
}
