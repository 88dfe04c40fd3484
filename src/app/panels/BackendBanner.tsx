import { chooseBackend } from '../actions/open_model.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** Said plainly where there is no WebGPU: what that means, what to do, and the way on without it. */
export function BackendBanner() {
  const studio = useStudio();
  const backend = useStudioState((state) => state.results.backend);
  const chosen = useStudioState((state) => state.settings.backend);
  const isRefused = useStudioState(
    ({ job }) => job.state === 'failed' && job.kind === 'start' && job.error.code === 'no_webgpu',
  );
  const hasFallenBack = backend?.kind === 'cpu' && chosen !== 'cpu';
  if (!isRefused && !hasFallenBack) return null;
  return (
    <div className="banner" role="status">
      <p>
        <strong>No WebGPU here.</strong> Use a current Chrome, Edge, Firefox or Safari with hardware acceleration turned
        on; on Linux, Chrome may need <code>chrome://flags/#enable-unsafe-webgpu</code>. Without it, Whittle computes on
        one processor core: the same results, much slower.
      </p>
      {backend?.kind !== 'cpu' && (
        <button type="button" onClick={() => void chooseBackend(studio, 'cpu')}>
          Use the CPU reference backend
        </button>
      )}
    </div>
  );
}
