import { changeBackend, chooseFusion } from '../actions/open_model.ts';
import { NumberField } from '../components/NumberField.tsx';
import { Segmented } from '../components/Segmented.tsx';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { changeSettings } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';

export function SliceOptionsFields() {
  const studio = useStudio();
  const settings = useStudioState((state) => state.settings);
  const hiddenSize = useStudioState((state) => state.results.model?.shape.hidden_size);
  const busy = useIsBusy() ? BUSY : undefined;
  return (
    <>
      <Segmented
        legend="Schedule"
        value={settings.schedule}
        onChange={(schedule) => changeSettings(studio.store, { schedule })}
        choices={[
          {
            value: 'sequential',
            label: 'Sequential',
            title: 'PCA of each layer on the output of the layers sliced before it: the exact SliceGPT pass',
          },
          {
            value: 'rotate-once',
            label: 'Rotate once',
            title: 'All PCA on the dense model, shared by every sparsity: what releasing the slider measures',
          },
        ]}
      />
      <details className="fold">
        <summary>Fusion, rounding, backend</summary>
        <div className="fold-body">
          <Segmented
            legend="Fusion"
            value={settings.fusion}
            onChange={(fusion) => void chooseFusion(studio, fusion)}
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
          <BackendField />
          <NumberField
            label="Round down to a multiple of"
            value={settings.round}
            least={1}
            most={hiddenSize ?? 4096}
            onChange={(round) => changeSettings(studio.store, { round })}
          />
          <p className="muted">Another backend opens the model again and measures anew; its runs and exports go.</p>
        </div>
      </details>
    </>
  );
}

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
