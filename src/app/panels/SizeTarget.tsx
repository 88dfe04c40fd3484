import { useEffect, useId, useState } from 'react';
import type { ModelSummary } from '../../engine/protocol.ts';
import { solveForSize } from '../actions/target.ts';
import { PLOT } from '../charts/front_plot.ts';
import { formatKl } from '../charts/scales.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { formatBytes, formatPercent, formatSpan } from '../format.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { changeFront } from '../store/store.ts';
import { readBytes, roundBytes, solveSeconds, targetOf } from '../store/target.ts';
import { useStudio, useStudioState } from '../studio.ts';

/** The size by text, the button that has it answered, how long that takes, and the answer. */
export function SizeTarget({ model }: { model: ModelSummary }) {
  const studio = useStudio();
  const id = useId();
  const target = useStudioState((state) => targetOf(model, state.front.target));
  const dense = useStudioState((state) => state.results.dense);
  const samples = useStudioState((state) => state.settings.texts.samples);
  const durations = useStudioState((state) => state.durations);
  const isBusy = useIsBusy();
  const [draft, setDraft] = useState(formatBytes(target));
  useEffect(() => setDraft(formatBytes(target)), [target]);
  const typed = readBytes(draft, model.bytes);
  const seconds = solveSeconds(model, dense, samples, durations);
  function commit() {
    if (typed === null) setDraft(formatBytes(target));
    // What is shown has fewer digits than the target; leaving it as it is changes nothing.
    else if (draft !== formatBytes(target)) changeFront(studio.store, { target: typed });
  }
  const wanted = draft === formatBytes(target) ? target : typed;
  const hindrance = isBusy
    ? BUSY
    : dense
      ? wanted === null
        ? 'Name a size, as in 2.8 MB'
        : null
      : 'Measure the dense model first';
  return (
    <div className="size-target">
      <label htmlFor={id}>Best model of</label>
      <input
        id={id}
        type="text"
        inputMode="decimal"
        autoComplete="off"
        spellCheck={false}
        aria-invalid={typed === null}
        title="As in 2.8 MB, 900 kB or 35 %"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === 'Enter' && commit()}
      />
      <span className="muted size-target-share">{wanted !== null && formatPercent(wanted / model.bytes)}</span>
      <ActionButton
        className="primary"
        data-action="solve"
        hindrance={hindrance}
        title="Measures every matrix in every precision, chooses by what it costs, makes the best and measures it"
        onClick={() => {
          if (wanted === null) return;
          changeFront(studio.store, { target: wanted });
          void solveForSize(studio, wanted, readRecipe);
        }}
      >
        Find and make it
      </ActionButton>
      <span className="muted">{seconds !== null && `about ${formatSpan(seconds)} on this device`}</span>
      <Solution />
    </div>
  );
}

async function readRecipe(text: string) {
  const { parseRecipe } = await import('../../compress/recipe/recipe.ts');
  return parseRecipe(text);
}

/** What was predicted for the best, beside what was measured of it. */
function Solution() {
  const solution = useStudioState((state) => state.results.solution);
  const runs = useStudioState((state) => state.results.recipe_runs);
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
    </p>
  );
}

interface HandleProps {
  model: ModelSummary;
  domain: readonly [number, number];
}

/** A native slider that lies on the size axis: pointer, keys and screen readers work as ever. */
export function TargetHandle({ model, domain: [least, most] }: HandleProps) {
  const studio = useStudio();
  const target = useStudioState((state) => targetOf(model, state.front.target));
  const step = Math.max(1, roundBytes((most - least) / 200));
  const share = Math.min(1, Math.max(0, (target - least) / (most - least)));
  return (
    <div
      className="target-handle"
      style={
        {
          left: PLOT.axisWidth,
          right: PLOT.margin.right,
          top: PLOT.margin.top,
          bottom: PLOT.axisHeight,
          '--share': share,
        } as React.CSSProperties
      }
    >
      <output aria-hidden="true">{formatBytes(target)}</output>
      <input
        type="range"
        aria-label="Size target"
        min={least}
        max={most}
        step={step}
        value={Math.min(most, Math.max(least, target))}
        aria-valuetext={`${formatBytes(target)}, ${formatPercent(target / model.bytes)} of the original`}
        onChange={(event) => changeFront(studio.store, { target: Number(event.target.value) })}
      />
    </div>
  );
}
