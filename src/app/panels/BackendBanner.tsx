import { type ReactNode, useState } from 'react';
import type { BackendInfo } from '../../engine/protocol.ts';
import { changeBackend } from '../actions/open_model.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import type { Settings } from '../store/settings.ts';
import { useStudio, useStudioState } from '../studio.ts';

type Choice = Settings['backend'];

/** What is said where no GPU computes, and the one press that changes it. */
interface Situation {
  title: string;
  text: ReactNode;
  /** Once it was read it need not be said at every visit. */
  isKnown: boolean;
  button: string;
  backend: Choice;
}

export function BackendBanner() {
  const backend = useStudioState((state) => state.results.backend);
  const chosen = useStudioState((state) => state.settings.backend);
  const isRefused = useStudioState(
    ({ job }) => job.state === 'failed' && job.kind === 'start' && job.error.code === 'no_webgpu',
  );
  const [dismissed, setDismissed] = useState(loadDismissed);
  const situation = situationOf(backend, chosen, isRefused);
  if (!situation || (situation.isKnown && dismissed)) return null;
  function dismiss() {
    setDismissed(true);
    saveDismissed();
  }
  return (
    <div className="banner" role="status">
      <div>
        <strong>{situation.title}</strong> {situation.text}
      </div>
      <SwitchButton label={situation.button} backend={situation.backend} />
      {situation.isKnown && (
        <button
          type="button"
          className="quiet"
          aria-label="Dismiss: running on the CPU"
          title="Dismiss"
          onClick={dismiss}
        >
          ×
        </button>
      )}
    </div>
  );
}

function SwitchButton({ label, backend }: { label: string; backend: Choice }) {
  const studio = useStudio();
  const isBusy = useIsBusy();
  return (
    <ActionButton hindrance={isBusy && BUSY} onClick={() => void changeBackend(studio, backend)}>
      {label}
    </ActionButton>
  );
}

const KEY = 'whittle.cpu-known';

function loadDismissed(): boolean {
  try {
    return localStorage.getItem(KEY) === 'yes';
  } catch {
    return false;
  }
}

function saveDismissed(): void {
  try {
    localStorage.setItem(KEY, 'yes');
  } catch {
    // Private windows may refuse storage: it is dismissed for as long as the page lives then.
  }
}

function situationOf(backend: BackendInfo | null, chosen: Choice, isRefused: boolean): Situation | null {
  const noGpu = { title: 'Running on the CPU.', text: <NoGpu />, isKnown: true };
  if (isRefused)
    return { ...noGpu, title: 'No GPU by WebGPU here.', isKnown: false, button: 'Use the CPU backend', backend: 'cpu' };
  if (backend?.kind === 'cpu' && chosen !== 'cpu') {
    return { ...noGpu, button: 'Use WebGPU all the same', backend: 'webgpu' };
  }
  if (backend?.kind === 'webgpu' && backend.isFallbackAdapter) {
    return {
      title: 'This WebGPU adapter is software.',
      isKnown: false,
      text: 'It computes on the processor, as the CPU backend does, and several times as slowly; the results are the same.',
      button: 'Use the CPU backend',
      // Not "cpu": where a GPU appears later, it is taken again.
      backend: 'auto',
    };
  }
  return null;
}

function NoGpu() {
  return (
    <>
      <span className="banner-text">The same results as on a GPU, in more time.</span>{' '}
      <details className="fold banner-fold">
        <summary>How to get a GPU</summary>
        Use a current Chrome, Edge, Firefox or Safari with hardware acceleration turned on; on Linux, Chrome may need{' '}
        <code>chrome://flags/#enable-unsafe-webgpu</code>.
      </details>
    </>
  );
}
