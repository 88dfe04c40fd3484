import { memo } from 'react';
import { missingTokens } from '../../engine/plan.ts';
import type { ModelSummary } from '../../engine/protocol.ts';
import { enoughWindows, takeEnoughWindows } from '../actions/mend.ts';
import { preview } from '../actions/preview.ts';
import { slice, sweep } from '../actions/slice.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Section } from '../components/Section.tsx';
import { TimeNote } from '../components/TimeNote.tsx';
import { formatSpan } from '../format.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy, useLead, usePlan } from '../store/selectors.ts';
import { MAX_SPARSITY_PERCENT, SWEEP_PERCENT } from '../store/settings.ts';
import { changeSettings } from '../store/store.ts';
import { slicingSeconds } from '../store/times.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { FailureNote } from './FailureNote.tsx';
import { HeadPicker } from './HeadPicker.tsx';
import { MemoryEstimate } from './MemoryEstimate.tsx';
import { PlanFacts } from './PlanFacts.tsx';
import { Presets } from './Presets.tsx';
import { BackendField, SliceOptionsFields } from './SliceOptionsFields.tsx';
import { SparsityField } from './SparsityField.tsx';

export default function SlicePanel() {
  const studio = useStudio();
  const model = useStudioState((state) => state.results.model);
  const percent = useStudioState((state) => state.settings.sparsity_percent);
  const hasTexts = useStudioState((state) => state.results.protocol !== null);
  const seconds = useStudioState(({ results, durations, settings }) =>
    slicingSeconds(results.dense, durations, settings.schedule),
  );
  const isBusy = useIsBusy();
  const lead = useLead();
  const { plan, error } = usePlan();
  const texts = useStudioState((state) => state.settings.texts);
  // It can be tried all the same; it is not what the page recommends.
  const shortage = plan && missingTokens(texts, plan.dimension);
  const hindrance = hindranceOf(model !== null, hasTexts, isBusy);
  if (model?.shape.slicing_refusal !== undefined) return <Refused model={model} />;
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
      {model && <Presets model={model} />}
      {error && <ErrorNote title="These settings cannot be" error={error} />}
      <div className="button-row">
        <ActionButton
          className={shortage || lead !== 'make' ? undefined : 'strong'}
          data-action="slice"
          hindrance={hindrance ?? (plan ? null : 'These settings cannot be')}
          title={shortage || 'Runs the schedule below, then measures perplexity'}
          onClick={() => void slice(studio)}
        >
          Slice
        </ActionButton>
        <ActionButton
          data-action="sweep"
          hindrance={hindrance}
          title="Four runs, one after another"
          onClick={() => void sweep(studio)}
        >
          Sweep 10 · 20 · 25 · 30 %
        </ActionButton>
      </div>
      {shortage && (
        <div className="notice">
          <p>{shortage}</p>
          <ActionButton
            hindrance={isBusy && BUSY}
            title="Then the dense model is measured again"
            onClick={() => void takeEnoughWindows(studio, plan.dimension)}
          >
            Use {enoughWindows(texts, plan.dimension)} windows
          </ActionButton>
        </div>
      )}
      <FailureNote
        place="slice"
        again={({ kind }) => void (kind === 'sweep' ? sweep : kind === 'preview' ? preview : slice)(studio)}
      />
      <TimeNote
        seconds={seconds}
        more={seconds === null ? '' : `; the sweep about ${formatSpan(seconds * SWEEP_PERCENT.length)}`}
      />
      <PlanFacts />
      <StillMemoryEstimate />
      <SliceOptionsFields />
      <HeadPicker />
    </Section>
  );
}

/** It follows the settings by itself. */
const StillMemoryEstimate = memo(MemoryEstimate);

/** In place of a slider that could only fail: why, and what this model can be opened for. */
function Refused({ model }: { model: ModelSummary }) {
  return (
    <Section title="Slice">
      <div className="notice">
        <p>
          <strong>SliceGPT cannot slice this model.</strong> {model.shape.slicing_refusal}
        </p>
      </div>
      <p className="muted">Its facts, its perplexity and its export to other formats work as ever.</p>
      <BackendField />
    </Section>
  );
}

function hindranceOf(hasModel: boolean, hasTexts: boolean, isBusy: boolean): string | null {
  if (!hasModel) return 'Open a model first';
  if (isBusy) return BUSY;
  return hasTexts ? null : 'Measure the dense model first';
}
