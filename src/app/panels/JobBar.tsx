import { useState } from 'react';
import { cancelJob } from '../actions/job.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { formatClock } from '../format.ts';
import type { JobKind, JobState } from '../store/job.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { RunningJobLine } from './RunningJobLine.tsx';

const SAID_ELSEWHERE: ReadonlySet<JobKind> = new Set(['export', 'download']);

export function JobBar() {
  const studio = useStudio();
  const job = useStudioState((state) => state.job);
  return (
    <section className="job-bar" aria-label="Job" data-state={job.state}>
      {/* A failed export or download says so where it was asked for, in its panel. */}
      {job.state === 'failed' && !SAID_ELSEWHERE.has(job.kind) && <Failure key={job.error.message} job={job} />}
      {job.state === 'running' ? <RunningJobLine job={job} /> : <p className="job-line">{restingText(job)}</p>}
      <button
        type="button"
        className="cancel"
        disabled={job.state !== 'running' || job.cancelling}
        title="Cancel (Esc)"
        onClick={() => cancelJob(studio)}
      >
        {job.state === 'running' && job.cancelling ? 'Cancelling' : 'Cancel'}
      </button>
      <p className="visually-hidden" role="status">
        {announcement(job)}
      </p>
    </section>
  );
}

/** Stands over the page's edge, so that nothing moves; the results stay where they are. */
function Failure({ job }: { job: Extract<JobState, { state: 'failed' }> }) {
  const [isOpen, setOpen] = useState(true);
  if (!isOpen) return null;
  return (
    <div className="failure">
      <ErrorNote title={`${job.title}: failed`} error={job.error} />
      <button type="button" className="quiet" onClick={() => setOpen(false)}>
        Dismiss
      </button>
    </div>
  );
}

function restingText(job: Exclude<JobState, { state: 'running' }>): React.ReactNode {
  switch (job.state) {
    case 'idle':
      return <span className="muted">Nothing is running</span>;
    case 'finished': {
      const time = formatClock(job.duration_ms / 1000);
      const verb = job.kind === 'download' ? 'downloaded' : 'measured';
      return (
        <>
          {job.title}{' '}
          <span className="muted">
            {job.outcome === 'done' ? `done in ${time}` : `cancelled after ${time}; what was ${verb} stays`}
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
