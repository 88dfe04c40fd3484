import { Suspense, useEffect, useRef } from 'react';
import { dismiss } from '../actions/failure.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { lazyPart } from '../components/lazy_part.tsx';
import { type FailedJob, type FailurePlace, placeOfFailure } from '../store/failure.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** The words stand without them, where they cannot be fetched. */
const FailureFixes = lazyPart(() => import('./FailureFixes.tsx'), { isAside: true });

interface Props {
  place: FailurePlace;
  /** What the panel's own button does; absent where the same press cannot be made again. */
  again?: (job: FailedJob) => void;
}

/** The job that failed last, in the panel that asked for it, until it is dismissed or another job begins. */
export function FailureNote({ place, again }: Props) {
  const job = useStudioState((state) => (state.job.state === 'failed' ? state.job : null));
  if (!job || job.is_dismissed || placeOfFailure(job) !== place) return null;
  return <OpenNote key={job.error.message} job={job} again={again} />;
}

function OpenNote({ job, again }: Pick<Props, 'again'> & { job: FailedJob }) {
  const studio = useStudio();
  const box = useRef<HTMLDivElement>(null);
  // The page does not jump: it moves only where the note would not be seen.
  useEffect(() => {
    // Gives a promise in browsers that tell when they have scrolled: no effect's end.
    void box.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <div ref={box} className="failure-note" data-failure tabIndex={-1}>
      <ErrorNote title={`${job.title}: failed`} error={job.error}>
        <Suspense fallback={null}>
          <FailureFixes job={job} again={again} />
        </Suspense>
      </ErrorNote>
      <button type="button" className="quiet" onClick={() => dismiss(studio)}>
        Dismiss
      </button>
    </div>
  );
}
