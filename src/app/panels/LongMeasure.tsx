import { measureMissing } from '../actions/open_model.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { Section } from '../components/Section.tsx';
import { formatSpan } from '../format.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy, wasLeftUnmeasured } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** Before long work, and after it was cancelled: how long it will take on this device, where that is known, and the button that begins it. */
export function LongMeasure() {
  const studio = useStudio();
  const seconds = useStudioState((state) => state.long_measure_s);
  const protocol = useStudioState((state) => state.results.protocol);
  const isSliceable = useStudioState((state) => state.results.model?.shape.slicing_refusal === undefined);
  const device = useStudioState(({ results }) => (results.backend?.kind === 'webgpu' ? 'GPU' : 'processor'));
  const isBusy = useIsBusy();
  const wasLeft = useStudioState(wasLeftUnmeasured);
  if (!(wasLeft || (seconds !== null && protocol))) return null;
  const work = isSliceable ? 'Measuring this model and looking at what slicing would cut' : 'Measuring this model';
  return (
    <Section title="Measure first" className="long-measure">
      {seconds === null ? (
        <p>{work} was cancelled. Without it there is nothing to compare with.</p>
      ) : (
        <p>
          {work} takes <strong>about {formatSpan(seconds)}</strong> on this {device}. You can cancel at any moment.
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
      {protocol && (
        <p className="field-note muted">
          {seconds !== null && 'Found by trying one layer. '}
          {protocol.eval_samples} windows measure, {protocol.samples} calibrate, of {protocol.seqlen} tokens each: fewer
          or shorter ones, under Calibration, take less.
        </p>
      )}
    </Section>
  );
}
