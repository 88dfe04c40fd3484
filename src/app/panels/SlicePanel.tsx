import { preview } from '../actions/preview.ts';
import { slice, sweep } from '../actions/slice.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Section } from '../components/Section.tsx';
import { usePlan } from '../store/selectors.ts';
import { MAX_SPARSITY_PERCENT } from '../store/settings.ts';
import { changeSettings } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { HeadPicker } from './HeadPicker.tsx';
import { PlanFacts } from './PlanFacts.tsx';
import { SliceOptionsFields } from './SliceOptionsFields.tsx';
import { SparsityField } from './SparsityField.tsx';

export function SlicePanel() {
  const studio = useStudio();
  const model = useStudioState((state) => state.results.model);
  const percent = useStudioState((state) => state.settings.sparsity_percent);
  // A quick measure makes way for a real run; any other job has to end, or be cancelled, first.
  const isBusy = useStudioState(({ job }) => job.state === 'running' && job.kind !== 'preview');
  const { plan, error } = usePlan();
  return (
    <Section title="Slice">
      <SparsityField
        percent={percent}
        most={MAX_SPARSITY_PERCENT}
        dimension={plan?.dimension}
        hiddenSize={model?.shape.hidden_size}
        onMove={(sparsity_percent) => changeSettings(studio.store, { sparsity_percent })}
        onRelease={() => void preview(studio)}
      />
      {error && <ErrorNote title="These settings cannot be" error={error} />}
      <PlanFacts />
      <div className="button-row">
        <button
          type="button"
          className="primary"
          data-action="slice"
          disabled={!plan || isBusy}
          title={model ? 'Runs the schedule below, then measures perplexity' : 'Open a model first'}
          onClick={() => void slice(studio)}
        >
          Slice
        </button>
        <button
          type="button"
          data-action="sweep"
          disabled={!model || isBusy}
          title={model ? 'Four runs, one after another' : 'Open a model first'}
          onClick={() => void sweep(studio)}
        >
          Sweep 10 · 20 · 25 · 30 %
        </button>
      </div>
      <SliceOptionsFields />
      <HeadPicker />
    </Section>
  );
}
