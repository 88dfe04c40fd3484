import { measureMissing } from '../actions/open_model.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { Section } from '../components/Section.tsx';
import { formatSpan } from '../format.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy, wasLeftUnmeasured } from '../store/selectors.ts';
import { areTextsChanged } from '../store/texts.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** Before long work, and after it was cancelled: how long it will take on this device, where that is known, and the button that begins it. */
export function LongMeasure() {
  const studio = useStudio();
  const seconds = useStudioState((state) => state.long_measure_s);
  const hasTexts = useStudioState((state) => state.results.protocol !== null);
  const { samples, eval_samples, seqlen } = useStudioState((state) => state.settings.texts);
  // The time that was found is of the windows that were tried.
  const areOthers = useStudioState(areTextsChanged);
  const isSliceable = useStudioState((state) => state.results.model?.shape.slicing_refusal === undefined);
  const device = useStudioState(({ results }) => (results.backend?.kind === 'webgpu' ? 'GPU' : 'processor'));
  const isBusy = useIsBusy();
  const wasLeft = useStudioState(wasLeftUnmeasured);
  if (!(wasLeft || (seconds !== null && hasTexts))) return null;
  const work = isSliceable ? 'Measuring this model and looking at what slicing would cut' : 'Measuring this model';
  return (
    <Section title="Measure first" className="long-measure">
      {seconds === null ? (
        <p>{work} was cancelled. Without it there is nothing to compare with.</p>
      ) : (
        <p>
          {work} {areOthers ? 'would have taken' : 'takes'} <strong>about {formatSpan(seconds)}</strong> on this{' '}
          {device}
          {areOthers && ' with the windows as they were'}. You can cancel at any moment.
        </p>
      )}
      <ActionButton
        className="primary"
        data-action="measure"
        hindrance={isBusy && BUSY}
        onClick={() => void measureMissing(studio)}
      >
        Start
      </ActionButton>
      {hasTexts && (
        <p className="field-note muted">
          {seconds !== null && !areOthers && 'Found by trying one layer. '}
          {countOf(eval_samples)} {eval_samples === 1 ? 'measures' : 'measure'}, {samples}{' '}
          {samples === 1 ? 'calibrates' : 'calibrate'}, of {seqlen} tokens each: fewer or shorter ones, under
          Calibration, take less.
        </p>
      )}
    </Section>
  );
}

function countOf(windows: number): string {
  return windows === 1 ? '1 window' : `${windows} windows`;
}
