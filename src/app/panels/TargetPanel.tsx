import { memo, useId, useState } from 'react';
import type { ModelSummary } from '../../engine/protocol.ts';
import { readRecipe } from '../actions/read_recipe.ts';
import { solveForSize } from '../actions/target.ts';
import { formatKl } from '../charts/scales.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { formatBytes, formatClock, formatPercent, formatSpan } from '../format.ts';
import { type ExportFormat, FORMAT_LABELS, solverFormat, withFormat } from '../store/exports.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy, useLead } from '../store/selectors.ts';
import { changeFront, changeSettings } from '../store/store.ts';
import { readBytes, targetOf } from '../store/target.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { EarlierTexts } from './EarlierTexts.tsx';
import { FailureNote } from './FailureNote.tsx';
import { ImatrixField } from './ImatrixField.tsx';
import { LongMeasure } from './LongMeasure.tsx';
import { RepeatNote } from './RepeatNote.tsx';
import { useSearchTime } from './search_time.ts';

export default function TargetPanel() {
  const model = useStudioState((state) => state.results.model);
  return (
    model && (
      <>
        <LongMeasure />
        <SizeTarget model={model} />
      </>
    )
  );
}

/** The size by text, the format that it is for, the button that has it answered, how long that takes, and the answer. */
function SizeTarget({ model }: { model: ModelSummary }) {
  const studio = useStudio();
  const [title, field] = [useId(), useId()];
  const target = useStudioState((state) => targetOf(model, state.front.target));
  const dense = useStudioState((state) => state.results.dense);
  const format = useStudioState((state) => solverFormat(state.settings.export.sliced.format));
  const isBusy = useIsBusy();
  const lead = useLead();
  // While it is typed; else the target, with fewer digits than it has.
  const [draft, setDraft] = useState<string | null>(null);
  const shown = draft ?? formatBytes(target);
  const typed = readBytes(shown, model.bytes);
  const seconds = useSearchTime(model, format);
  function commit() {
    // Leaving it as it is changes nothing.
    if (typed !== null && shown !== formatBytes(target)) changeFront(studio.store, { target: typed });
    setDraft(null);
  }
  const find = (isAgain = false) => wanted !== null && void solveForSize(studio, wanted, readRecipe, seconds, isAgain);
  const wanted = shown === formatBytes(target) ? target : typed;
  return (
    <section className="section size-target" aria-labelledby={title}>
      <header>
        <h2 id={title}>
          <label htmlFor={field}>Best model of</label>
        </h2>
        <input
          id={field}
          type="text"
          inputMode="decimal"
          autoComplete="off"
          spellCheck={false}
          aria-invalid={typed === null}
          title="As in 2.8 MB, 900 kB or 35 %"
          value={shown}
          onChange={(event) => setDraft(event.target.value)}
          onBlur={commit}
          onKeyDown={(event) => event.key === 'Enter' && commit()}
        />
        <FormatField />
      </header>
      <ActionButton
        className={lead === 'make' ? 'wide primary' : 'wide strong'}
        data-action="solve"
        hindrance={hindranceOf(isBusy, dense !== null, wanted)}
        title="Measures every matrix in every precision, chooses by what it costs, makes the best and measures it"
        onClick={() => {
          if (wanted === null) return;
          changeFront(studio.store, { target: wanted });
          find();
        }}
      >
        Find and make it
      </ActionButton>
      <p className="field-note muted">
        {wanted !== null && `${formatPercent(wanted / model.bytes)} of the original`}
        {wanted !== null && seconds !== null && ` · about ${formatSpan(seconds)} here`}
      </p>
      <EarlierTexts />
      <RepeatNote place="target" onAgain={() => find(true)} />
      <FailureNote place="target" again={({ kind }) => kind === 'solve' && find()} />
      {format === 'gguf' && <StillImatrixField />}
      <Solution />
    </section>
  );
}

/** The handle on the size axis moves without it. */
const StillImatrixField = memo(ImatrixField);

function hindranceOf(isBusy: boolean, isMeasured: boolean, wanted: number | null): string | null {
  if (isBusy) return BUSY;
  if (!isMeasured) return 'Measure the dense model first';
  return wanted === null ? 'Name a size, as in 2.8 MB' : null;
}

const FORMATS: readonly ExportFormat[] = ['onnx', 'transformers.js', 'gguf'];

/** What the size is of: each format holds other packings. The export then offers the same one. */
const FormatField = memo(function FormatField() {
  const studio = useStudio();
  const chosen = useStudioState((state) => state.settings.export);
  return (
    <select
      aria-label="Format that the size is of"
      title="The size of this file’s weights; only what it can hold is chosen from"
      value={solverFormat(chosen.sliced.format)}
      onChange={(event) =>
        changeSettings(studio.store, {
          export: { ...chosen, sliced: withFormat(chosen.sliced, event.target.value as ExportFormat) },
        })
      }
    >
      {FORMATS.map((format) => (
        <option key={format} value={format}>
          {format === 'transformers.js' ? format : FORMAT_LABELS[format]}
        </option>
      ))}
    </select>
  );
});

function toldText(seconds: number | null): string {
  return seconds === null ? '' : `, about ${formatSpan(seconds)} was estimated`;
}

/** What was predicted for the best, beside what was measured of it. */
const Solution = memo(function Solution() {
  const solution = useStudioState((state) => state.results.solution);
  const runs = useStudioState((state) => state.results.runs);
  if (!solution) return null;
  const [best] = solution.candidates;
  const run = runs.findLast(({ report }) => report.recipe === best.recipe);
  const made = run?.perplexity?.divergence?.kl_divergence;
  const windows = solution.held_windows === 1 ? '1 window' : `${solution.held_windows} windows`;
  return (
    <p className="muted size-answer" role="status">
      <strong>{formatBytes(best.bytes)}</strong> of {formatBytes(solution.target_bytes)}: predicted KL{' '}
      {formatKl(best.predicted)}, measured {formatKl(best.measured)} on {windows} held back
      {made !== undefined && (
        <>
          , <strong>{formatKl(made)}</strong> on the evaluation text
        </>
      )}
      . Best of {solution.candidates.length}; nothing below {formatBytes(solution.smallest_bytes)} can be made.
      {solution.taken_s !== undefined && ` It took ${formatClock(solution.taken_s)}${toldText(solution.told_s)}.`}
    </p>
  );
});
