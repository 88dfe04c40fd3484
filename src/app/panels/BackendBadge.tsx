import type { BackendInfo } from '../../engine/protocol.ts';
import { useStudioState } from '../studio.ts';
import { openCapabilities } from './open_capabilities.ts';

/** Which machine computes, and what to expect of it where it is not a real GPU. */
export function BackendBadge() {
  const backend = useStudioState((state) => state.results.backend);
  const isFailed = useStudioState(({ job }) => job.state === 'failed' && job.kind === 'start');
  if (!backend) return <span className="badge">{isFailed ? 'No backend' : 'Looking for an adapter'}</span>;
  const { label, slow } = backendText(backend);
  return (
    <button
      type="button"
      className="badge quiet"
      title={`${slow ?? backend.description} Press for all that this device can do.`.trim()}
      data-slow={slow ? '' : undefined}
      onClick={openCapabilities}
    >
      <span className="badge-dot" aria-hidden="true" />
      {label}
      {slow && <span className="visually-hidden">. {slow}</span>}
    </button>
  );
}

function backendText(backend: BackendInfo): { label: string; slow: string | null } {
  const { kind, vendor, architecture, description, isFallbackAdapter } = backend;
  if (kind === 'cpu') {
    return {
      label: `CPU · ${description}`,
      slow: 'Computes on the processor: the same results as on a GPU, in more time.',
    };
  }
  const adapter = description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter';
  return isFallbackAdapter
    ? {
        label: `WebGPU · ${adapter} (software)`,
        slow: 'A software adapter: the results are the same, at a small part of the speed of a GPU.',
      }
    : { label: `WebGPU · ${adapter}`, slow: null };
}
