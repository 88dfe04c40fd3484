import { useEffect, useRef } from 'react';
import { filesFromInput } from '../../platform/dropped_files.ts';
import { addFiles, calibrateOn, dismiss, showStored, takeBuiltInTexts } from '../actions/failure.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { type FailedJob, type FailurePlace, type Fix, fixesOf, fixText, placeOfFailure } from '../store/failure.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';

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
  const { calibration, evaluation } = useStudioState((state) => state.settings.texts);
  // The page does not jump: it moves only where the note would not be seen.
  useEffect(() => {
    // Gives a promise in browsers that tell when they have scrolled: no effect's end.
    void box.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const { attempted } = studio;
  const files = attempted?.kind === 'files' ? attempted.files.map(({ file }) => file) : null;
  const hasOwnTexts = calibration.kind !== 'demo' || evaluation.kind !== 'demo';
  const fixes = fixesOf(job, { files, hasOwnTexts }).filter(({ kind }) => kind !== 'again' || again);
  return (
    <div ref={box} className="failure-note" data-failure tabIndex={-1}>
      <ErrorNote title={`${job.title}: failed`} error={job.error}>
        {fixes.length > 0 && (
          <div className="button-row wrapping">
            {fixes.map((fix) => (
              <FixButton key={fix.kind} fix={fix} onAgain={() => again?.(job)} />
            ))}
          </div>
        )}
      </ErrorNote>
      <button type="button" className="quiet" onClick={() => dismiss(studio)}>
        Dismiss
      </button>
    </div>
  );
}

function FixButton({ fix, onAgain }: { fix: Fix; onAgain: () => void }) {
  const studio = useStudio();
  const isBusy = useIsBusy();
  const input = useRef<HTMLInputElement>(null);
  const press: Record<Fix['kind'], () => void> = {
    add_file: () => input.current?.click(),
    calibrate_on: () => calibrateOn(studio),
    built_in_texts: () => void takeBuiltInTexts(studio),
    free_space: showStored,
    again: onAgain,
  };
  return (
    <>
      <ActionButton hindrance={isBusy && BUSY} onClick={press[fix.kind]}>
        {fixText(fix)}
      </ActionButton>
      {fix.kind === 'add_file' && (
        <input
          ref={input}
          type="file"
          multiple
          hidden
          aria-label="Files to add"
          onChange={({ target }) => {
            const files = filesFromInput(target.files);
            target.value = '';
            void addFiles(studio, files);
          }}
        />
      )}
    </>
  );
}
