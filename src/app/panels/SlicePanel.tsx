import { memo } from 'react';
import type { ModelSummary } from '../../engine/protocol.ts';
import { hasEnoughWindows, takeEnoughWindows, windowsToTake } from '../actions/mend.ts';
import { preview } from '../actions/preview.ts';
import { slice, sweep } from '../actions/slice.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Section } from '../components/Section.tsx';
import { TimeNote } from '../components/TimeNote.tsx';
import { formatSpan } from '../format.ts';
import { BUSY } from '../store/job.ts';
import { type Plan, planOf } from '../store/plan.ts';
import { shortageIn, useIsBusy, useLead, usePlan } from '../store/selectors.ts';
import { MAX_SPARSITY_PERCENT, SWEEP_PERCENT } from '../store/settings.ts';
import { changeSettings, type StudioState } from '../store/store.ts';
import { slicingSeconds } from '../store/times.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { EarlierTexts } from './EarlierTexts.tsx';
import { FailureNote } from './FailureNote.tsx';
import { HeadPicker } from './HeadPicker.tsx';
import { MemoryEstimate } from './MemoryEstimate.tsx';
import { PlanFacts } from './PlanFacts.tsx';
import { Presets } from './Presets.tsx';
import { RepeatNote } from './RepeatNote.tsx';
import { BackendField, SliceOptionsFields } from './SliceOptionsFields.tsx';
import { SparsityField } from './SparsityField.tsx';

export default function SlicePanel() {
  const studio = useStudio();
  const model = useStudioState((state) => state.results.model);
  if (model?.shape.slicing_refusal !== undefined) return <Refused model={model} />;
  // Each part follows the slider by itself, as far as it has to.
  return (
    <Section title="Slice">
      <Slider />
      {model && <Presets model={model} />}
      <PlanError />
      <SliceButtons />
      <EarlierTexts />
      <RepeatNote place="slice" onAgain={() => void slice(studio, true)} />
      <RepeatNote place="sweep" onAgain={() => void sweep(studio, true)} />
      <Shortage />
      <FailureNote
        place="slice"
        again={({ kind }) => void (kind === 'sweep' ? sweep : kind === 'preview' ? preview : slice)(studio)}
      />
      <SliceTime />
      <PlanFacts />
      <StillMemoryEstimate />
      <SliceOptionsFields />
      <HeadPicker />
    </Section>
  );
}

function Slider() {
  const studio = useStudio();
  const percent = useStudioState((state) => state.settings.sparsity_percent);
  const hiddenSize = useStudioState((state) => state.results.model?.shape.hidden_size);
  const { plan } = usePlan();
  return (
    <SparsityField
      percent={percent}
      most={MAX_SPARSITY_PERCENT}
      dimension={plan?.dimension}
      hiddenSize={hiddenSize}
      onMove={(sparsity_percent) => changeSettings(studio.store, { sparsity_percent })}
      onRelease={() => void preview(studio)}
    />
  );
}

function PlanError() {
  const { error } = usePlan();
  return error && <ErrorNote title="These settings cannot be" error={error} />;
}

function SliceButtons() {
  const studio = useStudio();
  const hasModel = useStudioState((state) => state.results.model !== null);
  const hasTexts = useStudioState((state) => state.results.protocol !== null);
  const isPlanned = useStudioState((state) => planIn(state) !== null);
  // It can be tried all the same; it is not what the page recommends.
  const shortage = useStudioState(shortageIn);
  const isBusy = useIsBusy();
  const lead = useLead();
  const hindrance = hindranceOf(hasModel, hasTexts, isBusy);
  return (
    <div className="button-row">
      <ActionButton
        className={shortage || lead !== 'make' ? undefined : 'strong'}
        data-action="slice"
        hindrance={hindrance ?? (isPlanned ? null : 'These settings cannot be')}
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
  );
}

/** That the text has no say in some of what is kept, and what mends it. */
function Shortage() {
  const studio = useStudio();
  const shortage = useStudioState(shortageIn);
  const texts = useStudioState((state) => state.settings.texts);
  const isBusy = useIsBusy();
  const { plan } = usePlan();
  if (!shortage || !plan) return null;
  return (
    <div className="notice">
      <p>{shortage}</p>
      <ActionButton
        hindrance={isBusy && BUSY}
        title="Then the dense model is measured again"
        onClick={() => void takeEnoughWindows(studio, plan.dimension)}
      >
        {hasEnoughWindows(texts, plan.dimension)
          ? 'Measure again'
          : `Use ${windowsToTake(texts, plan.dimension)} windows`}
      </ActionButton>
    </div>
  );
}

function SliceTime() {
  const seconds = useStudioState(({ results, durations, settings }) =>
    slicingSeconds(results.dense, durations, settings.schedule),
  );
  return (
    <TimeNote
      seconds={seconds}
      more={seconds === null ? '' : `; the sweep about ${formatSpan(seconds * SWEEP_PERCENT.length)}`}
    />
  );
}

function planIn({ results: { model }, settings }: StudioState): Plan | null {
  return model && planOf(model, settings).plan;
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
