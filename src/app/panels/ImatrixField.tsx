import { useRef } from 'react';
import { downloadImatrix, takeImatrix } from '../actions/imatrix.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { formatCount } from '../format.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** What GGUF's blocks weigh their errors by: the calibration text, or a file of llama.cpp's; either can be taken home. */
export function ImatrixField() {
  const studio = useStudio();
  const imatrix = useStudioState((state) => state.results.imatrix);
  const hasTexts = useStudioState((state) => state.results.protocol !== null);
  const isBusy = useIsBusy();
  const input = useRef<HTMLInputElement>(null);
  const busy = isBusy && BUSY;
  return (
    <details className="fold">
      <summary title="An importance matrix (imatrix): how much each input of a matrix matters">
        Errors weighed by {imatrix ? imatrix.name : 'the calibration text'}
      </summary>
      <div className="fold-body">
        <input
          ref={input}
          type="file"
          hidden
          accept=".gguf,.dat,.imatrix"
          aria-label="Importance matrix file"
          onChange={({ target }) => {
            const file = target.files?.[0];
            // The same file can be chosen again after a failure.
            if (file) void takeImatrix(studio, file);
            target.value = '';
          }}
        />
        <p className="field-note">
          {imatrix
            ? `${imatrix.datasets.join(', ') || 'Unnamed text'}, ${formatCount(imatrix.tokens)} tokens. GGUF steps and searches use it.`
            : 'Drop an imatrix.gguf anywhere on the page to use that instead.'}
        </p>
        <div className="button-row">
          <ActionButton hindrance={busy} onClick={() => input.current?.click()}>
            Open imatrix…
          </ActionButton>
          {imatrix ? (
            <ActionButton hindrance={busy} onClick={() => void takeImatrix(studio, null)}>
              Use the text’s
            </ActionButton>
          ) : (
            <ActionButton
              hindrance={busy || (!hasTexts && 'Measure the dense model first')}
              title="The calibration text’s, for llama-quantize"
              onClick={() => void downloadImatrix(studio)}
            >
              Download it
            </ActionButton>
          )}
        </div>
      </div>
    </details>
  );
}
