import { Suspense } from 'react';
import type { ErrorData } from '../../errors/errors.ts';
import { dismiss, showFailure } from '../actions/failure.ts';
import { cancelJob } from '../actions/job.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { lazyPart } from '../components/lazy_part.tsx';
import { formatClock } from '../format.ts';
import { type FailedJob, PLACE_NAMES, placeOfFailure } from '../store/failure.ts';
import type { JobState } from '../store/job.ts';
import { isAnythingMeasured } from '../store/results.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { RunningJobLine } from './RunningJobLine.tsx';

const NotifyButton = lazyPart(() => import('./NotifyButton.tsx'), { isAside: true });

export function JobBar() {
  const studio = useStudio();
  const job = useStudioState((state) => state.job);
  const interruption = useStudioState((state) => state.interruption);
  const hasMeasures = useStudioState(({ results }) => isAnythingMeasured(results));
  return (
    <section className="job-bar" aria-label="Job" data-state={job.state}>
      {/* What a panel asked for fails there, by FailureNote. */}
      {interruption ? (
        <Failure {...interruption} onDismiss={() => studio.store.setState({ interruption: null })} />
      ) : (
        job.state === 'failed' &&
        placeOfFailure(job) === 'page' &&
        !job.is_dismissed && (
          <Failure title={`${job.title}: failed`} error={job.error} onDismiss={() => dismiss(studio)} />
        )
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
          <span className="job-title">{job.title}</span>{' '}
          <span className="muted">
            {job.outcome === 'done' ? `done in ${time}` : `cancelled after ${time}${kept ? `; ${kept}` : ''}`}
          </span>
        </>
      );
    }
    case 'failed':
      return (
        <>
          <span className="job-title">{job.title}</span> <span className="job-failed">failed</span>{' '}
          <WhereFailed job={job} />
        </>
      );
  }
}

/** The message stands once, in its panel; from here it is a press away. */
function WhereFailed({ job }: { job: FailedJob }) {
  const place = placeOfFailure(job);
  if (place === 'page' || job.is_dismissed) return null;
  return (
    <button type="button" className="link" onClick={showFailure}>
      see {PLACE_NAMES[place]}
    </button>
  );
}

/** Only beginnings and ends are spoken; a screen reader reads the progress bar when asked. */
function announcement(job: JobState): string {
  if (job.state === 'running') return job.title;
  if (job.state === 'finished') return `${job.title} ${job.outcome === 'done' ? 'done' : 'cancelled'}`;
  return '';
}
