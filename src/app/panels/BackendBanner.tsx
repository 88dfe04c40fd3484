import type { ReactNode } from 'react';
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
  button: string;
  backend: Choice;
}

export function BackendBanner() {
  const backend = useStudioState((state) => state.results.backend);
  const chosen = useStudioState((state) => state.settings.backend);
  const isRefused = useStudioState(
    ({ job }) => job.state === 'failed' && job.kind === 'start' && job.error.code === 'no_webgpu',
  );
  const situation = situationOf(backend, chosen, isRefused);
  if (!situation) return null;
  return (
    <div className="banner" role="status">
      <div>
        <strong>{situation.title}</strong> {situation.text}
      </div>
      <SwitchButton label={situation.button} backend={situation.backend} />
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

function situationOf(backend: BackendInfo | null, chosen: Choice, isRefused: boolean): Situation | null {
  const noGpu = { title: 'No GPU by WebGPU here.', text: <NoGpu /> };
  if (isRefused) return { ...noGpu, button: 'Use the CPU backend', backend: 'cpu' };
  if (backend?.kind === 'cpu' && chosen !== 'cpu') {
    return { ...noGpu, button: 'Use WebGPU all the same', backend: 'webgpu' };
  }
  if (backend?.kind === 'webgpu' && backend.isFallbackAdapter) {
    return {
      title: 'This WebGPU adapter is software.',
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
      Whittle computes on the processor: the same results, in more time.{' '}
      <details className="fold banner-fold">
        <summary>How to get a GPU</summary>
        Use a current Chrome, Edge, Firefox or Safari with hardware acceleration turned on; on Linux, Chrome may need{' '}
        <code>chrome://flags/#enable-unsafe-webgpu</code>.
      </details>
    </>
  );
}
