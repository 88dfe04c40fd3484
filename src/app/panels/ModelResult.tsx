import { memo, useDeferredValue } from 'react';
import type { ModelSummary } from '../../engine/protocol.ts';
import { Section } from '../components/Section.tsx';
import { fileStem, formatPercent } from '../format.ts';
import type { Exports } from '../store/exports.ts';
import { matchingRuns, type Plan } from '../store/plan.ts';
import { usePlanOf } from '../store/selectors.ts';
import type { Settings } from '../store/settings.ts';
import { chosenPrecision } from '../store/sizes.ts';
import { useStudioState } from '../studio.ts';
import { CertificateBlock, PoorNotice, UnfilledNotice } from './CertificateBlock.tsx';
import { Comparison } from './Comparison.tsx';
import { DenseResult } from './DenseResult.tsx';
import { ExportBlock } from './ExportBlock.tsx';
import { OpenModelExport } from './OpenModelExport.tsx';
import { RecipeResult } from './RecipeResult.tsx';
import type { ResultPart } from './ResultPanel.tsx';
import { ResultSections } from './ResultSections.tsx';
import { SizeBlock, SizeVerdict } from './SizeBlock.tsx';
import { TasksPanel } from './TasksPanel.tsx';

/** Speaks of the run that was chosen, or of the slider's settings: what is planned at once, what is measured when it has been. */
export default function ModelResult({ part }: { part?: ResultPart }) {
  const model = useStudioState((state) => state.results.model);
  // Drawn when the slider leaves time for it.
  const settings = useDeferredValue(useStudioState((state) => state.settings));
  const { plan } = usePlanOf(settings);
  const chosen = useStudioState((state) => state.results.runs.find(({ id }) => id === state.selected));
  const hasRest = part !== 'receipt';
  if (model && chosen) {
    return (
      <>
        <RecipeResult key={chosen.id} model={model} run={chosen} part={part} />
        {hasRest && <StillOpenModelExport model={model} />}
        {hasRest && <TasksPanel run={chosen.is_lost ? null : chosen.id} />}
      </>
    );
  }
  if (model?.shape.slicing_refusal !== undefined) {
    return (
      <>
        <DenseResult model={model} part={part} />
        {hasRest && <TasksPanel run={null} />}
      </>
    );
  }
  if (!model) return null;
  if (!plan) {
    return part === 'rest' ? null : (
      <Section title="Result">
        <p className="muted">The slider’s settings cannot be: see there.</p>
      </Section>
    );
  }
  return (
    <>
      <SlicedResult model={model} plan={plan} settings={settings} part={part} />
      {hasRest && <StillOpenModelExport model={model} />}
      {hasRest && <SlicedTasks plan={plan} settings={settings} />}
    </>
  );
}

const NONE: Exports = [];

interface SlicedProps {
  plan: Plan;
  settings: Settings;
}

/** Neither knows of the slider. */
const StillTasks = memo(TasksPanel);
const StillOpenModelExport = memo(OpenModelExport);

const SlicedTasks = memo(function SlicedTasks({ plan, settings }: SlicedProps) {
  const results = useStudioState((state) => state.results);
  const { shown } = matchingRuns(results, settings, plan);
  return <StillTasks run={shown && !shown.is_lost ? shown.id : null} />;
});

interface SlicedResultProps extends SlicedProps {
  model: ModelSummary;
  part: ResultPart | undefined;
}

const SlicedResult = memo(function SlicedResult({ model, plan, settings, part }: SlicedResultProps) {
  const results = useStudioState((state) => state.results);
  const { shown } = matchingRuns(results, settings, plan);
  const percent = formatPercent(settings.sparsity_percent / 100);
  return (
    <ResultSections
      part={part}
      aside={
        <span className="section-note">
          {percent} · {plan.head} · {shown?.report.bases.options.schedule ?? 'planned'}
        </span>
      }
      figures={
        <>
          <Comparison
            model={model}
            dense={results.dense}
            plan={plan}
            run={shown}
            precision={chosenPrecision(settings)}
          />
          {shown && <UnfilledNotice run={shown} />}
          {shown && <PoorNotice run={shown} />}
        </>
      }
      take={{
        title: 'Export the sliced model',
        fields: (
          <>
            <ExportBlock
              kind="sliced"
              id={shown?.id ?? null}
              perplexity={shown?.perplexity ?? null}
              exports={shown?.exports ?? NONE}
              isLost={shown?.is_lost}
              stem={fileStem(model.name, percent)}
            />
            <SizeVerdict model={model} plan={plan} />
          </>
        ),
      }}
      rest={
        <>
          <SizeBlock model={model} plan={plan} />
          {shown && <CertificateBlock run={shown} />}
        </>
      }
    />
  );
});
