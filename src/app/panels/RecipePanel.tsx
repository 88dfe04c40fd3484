import { useId, useState } from 'react';
import { allowedValues, fieldsOf } from '../../compress/options/fields.ts';
import { parseRecipe, type Recipe } from '../../compress/recipe/recipe.ts';
import { findMethod, METHODS } from '../../compress/registry.ts';
import { type ErrorData, toErrorData } from '../../errors/errors.ts';
import { compress, discardRecipeRun } from '../actions/compress.ts';
import { exportModel } from '../actions/export_model.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { protocolText } from '../components/Protocol.tsx';
import { Section } from '../components/Section.tsx';
import { formatBytes, formatPerplexity } from '../format.ts';
import { BUSY } from '../store/job.ts';
import type { RecipeRun } from '../store/results.ts';
import { useIsBusy } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { ExportList } from './ExportList.tsx';

const EXAMPLE = 'embed:bits=8; correct; gptq:bits=4,group=32';

/** Steps as text, completed and explained from the registry; what they made is listed below. */
export default function RecipePanel() {
  const studio = useStudio();
  const [input, list, help] = [useId(), useId(), useId()];
  const [text, setText] = useState(EXAMPLE);
  const runs = useStudioState((state) => state.results.recipe_runs);
  const isReady = useStudioState((state) => state.results.model !== null && state.results.dense !== null);
  const isBusy = useIsBusy();
  const { recipe, error } = parsed(text);
  const hindrance = isBusy ? BUSY : isReady ? null : 'Measure the dense model first';
  return (
    <Section title="Recipe">
      <div className="field">
        <label htmlFor={input}>Steps</label>
        <input
          id={input}
          type="text"
          list={list}
          value={text}
          spellCheck={false}
          autoComplete="off"
          aria-describedby={help}
          aria-invalid={error !== null}
          onChange={(event) => setText(event.target.value)}
        />
        <datalist id={list}>
          {completions(text).map((value) => (
            <option key={value} value={value} />
          ))}
        </datalist>
      </div>
      <p id={help} className="muted">
        {explained(text)}
      </p>
      {error && <ErrorNote title="This recipe cannot be" error={error} />}
      <button
        type="button"
        className="wide"
        data-action="compress"
        disabled={recipe === null || hindrance !== null}
        title={hindrance ?? 'Runs the steps in order, then measures perplexity and divergence'}
        onClick={() => recipe && void compress(studio, recipe)}
      >
        Run the recipe
      </button>
      {runs.length > 0 && (
        <ul className="run-list" aria-label="Runs of recipes">
          {runs.map((run) => (
            <RecipeItem key={run.id} run={run} isBusy={isBusy} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function RecipeItem({ run, isBusy }: { run: RecipeRun; isBusy: boolean }) {
  const studio = useStudio();
  const { id, report, perplexity, exports } = run;
  const choice = { format: 'onnx', precision: 'stored' } as const;
  const kl = perplexity?.divergence?.kl_divergence;
  return (
    <li data-run={id}>
      <div className="run-choose" title={perplexity ? protocolText(perplexity.protocol) : 'Not measured'}>
        <span className="run-how">{report.recipe}</span>
        <span>{formatBytes(report.stored_bytes)}</span>
        <span title="Kullback–Leibler divergence from the dense model, nats a token">
          {kl === undefined ? '' : `KL ${kl.toPrecision(2)}`}
        </span>
        <strong>{perplexity ? formatPerplexity(perplexity.perplexity) : '–'}</strong>
      </div>
      <button
        type="button"
        disabled={isBusy || !perplexity}
        title={isBusy ? BUSY : 'Writes ONNX and runs it; offered only if it gives the same perplexity'}
        onClick={() => void exportModel(studio, id, choice)}
      >
        ONNX
      </button>
      <button
        type="button"
        className="run-remove quiet"
        aria-label={`Remove the run of ${report.recipe}`}
        disabled={isBusy}
        onClick={() => void discardRecipeRun(studio, id)}
      >
        ×
      </button>
      <ExportList
        exports={exports}
        kind="sliced"
        perplexity={perplexity}
        stem={report.recipe.replace(/[^\w.]+/g, '-')}
      />
    </li>
  );
}

function parsed(text: string): { recipe: Recipe | null; error: ErrorData | null } {
  try {
    return { recipe: parseRecipe(text), error: null };
  } catch (thrown) {
    return { recipe: null, error: toErrorData(thrown) };
  }
}

/** What is written before the step at hand, that step's method, and what is written of its options. */
function atCursor(text: string) {
  const last = text.lastIndexOf(';') + 1;
  const step = text.slice(last);
  const colon = step.indexOf(':');
  const name = (colon < 0 ? step : step.slice(0, colon)).trim();
  return { before: text.slice(0, last) + (last > 0 ? ' ' : ''), name, step: step.trim(), hasOptions: colon >= 0 };
}

/** Whole texts that the last step may be completed to. */
function completions(text: string): string[] {
  const { before, name, step, hasOptions } = atCursor(text);
  const method = findMethod(name);
  if (!method || !hasOptions) return METHODS.map((each) => `${before}${each.name}`);
  const comma = step.lastIndexOf(',');
  const kept = comma < 0 ? `${name}:` : `${step.slice(0, comma)},`;
  return fieldsOf(method.options)
    .filter((field) => !step.includes(`${field.name}=`) && field.default !== undefined)
    .map((field) => `${before}${kept}${field.name}=${String(field.default)}`);
}

/** What the last step does and takes. */
function explained(text: string): string {
  const method = findMethod(atCursor(text).name);
  if (!method)
    return `Steps METHOD:OPTION=VALUE,… one after another, with ; between. Methods: ${METHODS.map(({ name }) => name).join(', ')}.`;
  const fields = fieldsOf(method.options).map(({ name, meta, default: fallback }) => {
    return `${name}: ${allowedValues(meta)}${fallback === undefined ? '' : ` (${String(fallback)})`}`;
  });
  return `${method.about.label}. ${method.about.help} ${fields.join('; ')}`;
}
