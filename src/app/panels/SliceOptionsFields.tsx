import { memo } from 'react';
import { changeBackend, chooseFusion } from '../actions/open_model.ts';
import { NumberField } from '../components/NumberField.tsx';
import { Segmented } from '../components/Segmented.tsx';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { changeSettings } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';

export const SliceOptionsFields = memo(function SliceOptionsFields() {
  const studio = useStudio();
  const schedule = useStudioState((state) => state.settings.schedule);
  const fusion = useStudioState((state) => state.settings.fusion);
  const round = useStudioState((state) => state.settings.round);
  const hiddenSize = useStudioState((state) => state.results.model?.shape.hidden_size);
  const busy = useIsBusy() ? BUSY : undefined;
  return (
    <>
      <Segmented
        legend="Schedule"
        value={schedule}
        onChange={(next) => changeSettings(studio.store, { schedule: next })}
        choices={[
          {
            value: 'sequential',
            label: 'Exact (slower)',
            title:
              'Sequential: PCA of each layer on the output of the layers sliced before it: the exact SliceGPT pass',
          },
          {
            value: 'rotate-once',
            label: 'Quick',
            title:
              'Rotate once: all PCA on the dense model, shared by every sparsity: what releasing the slider measures',
          },
        ]}
      />
      <details className="fold">
        <summary>Advanced: norms, rounding, backend</summary>
        <div className="fold-body">
          <Segmented
            legend="Norms (fusion)"
            value={fusion}
            onChange={(next) => void chooseFusion(studio, next)}
            disabledBecause={busy}
            choices={[
              { value: 'exact', label: 'Exact', title: 'Changes no perplexity: the model’s own eps, no centring' },
              {
                value: 'official',
                label: 'Official',
                title: 'As the SliceGPT code does it: centres embeddings, eps 1e-5',
              },
            ]}
          />
          <p className="muted">
            How norms become part of the matrices beside them. Exact is right for every use but comparing with the
            paper’s code.
          </p>
          <BackendField />
          <NumberField
            label="Round down to a multiple of"
            value={round}
            least={1}
            most={hiddenSize ?? 4096}
            onChange={(next) => changeSettings(studio.store, { round: next })}
          />
          <p className="muted">Hardware likes multiples of 8; smaller ones keep closer to the slider.</p>
          <p className="muted">Another backend opens the model again and measures anew; its runs and exports go.</p>
        </div>
      </details>
    </>
  );
});

export function BackendField() {
  const studio = useStudio();
  const backend = useStudioState((state) => state.settings.backend);
  const busy = useIsBusy() ? BUSY : undefined;
  return (
    <Segmented
      legend="Backend"
      value={backend}
      onChange={(next) => void changeBackend(studio, next)}
      disabledBecause={busy}
      choices={[
        { value: 'auto', label: 'Auto', title: 'WebGPU where there is a GPU, else the CPU' },
        { value: 'webgpu', label: 'WebGPU' },
        { value: 'cpu', label: 'CPU', title: 'WebAssembly on all threads; the PCA in f64' },
      ]}
    />
  );
}
