import { useId } from 'react';
import { isBlockQuantized, nearestPrecision } from '../../engine/plan.ts';
import type { PerplexityReport, StepReport } from '../../engine/protocol.ts';
import { exportModel } from '../actions/export_model.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { formatBytes } from '../format.ts';
import {
  choiceKind,
  EXPORT_FORMATS,
  type ExportChoice,
  type ExportFormat,
  type ExportKind,
  type Exports,
  exportName,
  FORMAT_LABELS,
  formatPurpose,
  formatRefusal,
  PRECISION_LABELS,
  type Precision,
  precisionPurpose,
  precisionsOf,
  withFormat,
} from '../store/exports.ts';
import { BUSY } from '../store/job.ts';
import { findRun } from '../store/results.ts';
import { useIsBusy, useLead } from '../store/selectors.ts';
import { fileSize } from '../store/sizes.ts';
import { changeSettings } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { ExportList } from './ExportList.tsx';

interface Props {
  kind: ExportKind;
  /** The run to export, or `dense`; null while there is none. */
  id: 'dense' | string | null;
  /** Null until it has been measured: an export is compared with it. */
  perplexity: PerplexityReport | null;
  exports: Exports;
  /** Its weights are gone; only what was exported before is left. */
  isLost?: boolean;
  /** Of the run: its last may have trained an adapter. */
  steps?: readonly StepReport[];
  /** Start of the archives' names. */
  stem: string;
}

const LOST = 'The weights of this run went when the engine stopped. Make it again, then export that.';

/** Writes and verifies; nothing can be downloaded before the file was found to compute what the charts show. */
export function ExportBlock({ kind, id, perplexity, exports, isLost = false, steps, stem }: Props) {
  const studio = useStudio();
  const isBusy = useIsBusy();
  const leading = useLead();
  const lead = kind === 'dense' ? null : leading;
  const chosen = useStudioState((state) => state.settings.export[choiceKind(kind)]);
  const isBlocks = useStudioState(({ results }) => results.model !== null && isBlockQuantized(results.model));
  const refusal = formatRefusal(chosen.format, kind, steps);
  const hindrance = isLost ? LOST : hindranceOf(kind, id !== null && perplexity !== null, isBusy);
  const choose = (choice: ExportChoice) =>
    changeSettings(studio.store, {
      export: { ...studio.store.getState().settings.export, [choiceKind(kind)]: choice },
    });
  return (
    <>
      <ExportFields kind={kind} chosen={chosen} onChange={choose} />
      <p className={refusal ? 'export-purpose warning' : 'export-purpose'}>
        {refusal ??
          `${formatPurpose(chosen.format, kind)} ${precisionPurpose(chosen.precision, isBlocks, chosen.format)}`}
      </p>
      {id !== null && !refusal && <ExpectedSize id={id} precision={chosen.precision} />}
      <ActionButton
        className={lead === 'export' ? 'wide primary' : 'wide'}
        data-action={kind === 'dense' ? 'export-dense' : 'export'}
        hindrance={refusal ?? hindrance}
        title="Writes the files, then runs them; offered only if they give the same perplexity"
        onClick={() => id !== null && void exportModel(studio, id, chosen)}
      >
        Export {exportName(chosen)}
      </ActionButton>
      {isLost && <p className="notice">{LOST}</p>}
      {exports.length === 0 && (
        <p className="muted">
          Offered for download only once the written files give the same perplexity, within 0.1 %.
        </p>
      )}
      <ExportList
        exports={exports}
        kind={kind}
        perplexity={perplexity}
        stem={stem}
        isNext={lead === 'save'}
        again={isLost || id === null ? undefined : (choice) => void exportModel(studio, id, choice)}
      />
    </>
  );
}

/** Of the weights, before they are written; against the size that was aimed at, where one was. */
function ExpectedSize({ id, precision }: { id: string; precision: Precision }) {
  const bytes = useStudioState(({ results }) => {
    const run = findRun(results, id);
    return results.model && run ? fileSize(results.model, run, precision) : null;
  });
  const target = useStudioState((state) => state.front.target);
  if (bytes === null) return null;
  return (
    <p className="expected-size">
      <strong>{formatBytes(bytes)}</strong> of weights{target !== null && `, ${againstTarget(bytes, target)}`}
    </p>
  );
}

function againstTarget(bytes: number, target: number): string {
  const aim = `the ${formatBytes(target)} aimed at`;
  return bytes <= target ? `within ${aim}` : `${formatBytes(bytes - target)} above ${aim}`;
}

interface FieldsProps {
  kind: ExportKind;
  chosen: ExportChoice;
  onChange: (choice: ExportChoice) => void;
}

function ExportFields({ kind, chosen, onChange }: FieldsProps) {
  const [format, precision] = [useId(), useId()];
  const nearest = useStudioState(({ results }) => (results.model ? nearestPrecision(results.model) : 'stored'));
  const suffix = kind === 'dense' ? ' of the open model' : '';
  return (
    <div className="field-grid export-fields">
      <div className="field">
        <label htmlFor={format}>
          Format<span className="visually-hidden">{suffix}</span>
        </label>
        <select
          id={format}
          value={chosen.format}
          onChange={(event) => onChange(withFormat(chosen, event.target.value as ExportFormat, nearest))}
        >
          {EXPORT_FORMATS.filter((name) => kind !== 'dense' || name !== 'peft').map((name) => (
            <option key={name} value={name}>
              {FORMAT_LABELS[name]}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={precision}>
          Precision<span className="visually-hidden">{suffix}</span>
        </label>
        <select
          id={precision}
          value={chosen.precision}
          onChange={(event) => onChange({ ...chosen, precision: event.target.value as Precision })}
        >
          {precisionsOf(chosen.format).map((name) => (
            <option key={name} value={name}>
              {PRECISION_LABELS[name]}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

function hindranceOf(kind: ExportKind, isMeasured: boolean, isBusy: boolean): string | null {
  if (isBusy) return BUSY;
  if (isMeasured) return null;
  return kind === 'dense' ? 'Measure the open model first' : 'Make and measure it first';
}
