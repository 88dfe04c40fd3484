import { useEffect, useRef } from 'react';
import { filesFromInput } from '../../platform/dropped_files.ts';
import { addFiles, calibrateOn, showStored, takeBuiltInTexts, takeWindowsOf } from '../actions/mend.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import type { FailedJob } from '../store/failure.ts';
import { type Fix, fixesOf, fixText } from '../store/fixes.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';

interface Props {
  job: FailedJob;
  again?: (job: FailedJob) => void;
}

/** Buttons that mend what failed; none where nothing on the page does. */
export default function FailureFixes({ job, again }: Props) {
  const { attempted } = useStudio();
  const row = useRef<HTMLDivElement>(null);
  // They come a moment later than the note, which was seen whole until then.
  useEffect(() => {
    void row.current?.closest('[data-failure]')?.scrollIntoView({ block: 'nearest' });
  }, []);
  const { calibration, evaluation } = useStudioState((state) => state.settings.texts);
  const mostTokens = useStudioState(({ results }) => results.model?.max_position_embeddings);
  const files = attempted?.kind === 'files' ? attempted.files.map(({ file }) => file) : null;
  const hasOtherTexts = [calibration, evaluation].some((text) => text.kind !== 'demo' || text.of !== undefined);
  const fixes = fixesOf(job, { files, hasOtherTexts, mostTokens }).filter(({ kind }) => kind !== 'again' || again);
  if (fixes.length === 0) return null;
  return (
    <div ref={row} className="button-row wrapping">
      {fixes.map((fix) => (
        <FixButton key={fix.kind} fix={fix} onAgain={() => again?.(job)} />
      ))}
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
    shorter_windows: () => fix.kind === 'shorter_windows' && void takeWindowsOf(studio, fix.tokens),
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
