import { chooseBackend } from '../actions/open_model.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** Said plainly where no GPU computes: what that means, what to do, and the other way on. */
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
        <strong>No GPU by WebGPU here.</strong> Whittle computes on the processor: the same results, in more time than
        on a GPU. For a GPU, use a current Chrome, Edge, Firefox or Safari with hardware acceleration turned on; on
        Linux, Chrome may need <code>chrome://flags/#enable-unsafe-webgpu</code>.
      </p>
      {isRefused ? (
        <button type="button" onClick={() => void chooseBackend(studio, 'cpu')}>
          Use the CPU backend
        </button>
      ) : (
        <button type="button" onClick={() => void chooseBackend(studio, 'webgpu')}>
          Use WebGPU all the same
        </button>
      )}
    </div>
  );
}
