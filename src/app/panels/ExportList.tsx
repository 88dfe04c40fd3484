import type { ExportReport, PerplexityReport } from '../../engine/protocol.ts';
import { showStored } from '../actions/mend.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { CopyButton } from '../components/CopyButton.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Facts } from '../components/Facts.tsx';
import { protocolText } from '../components/Protocol.tsx';
import { formatBytes, formatChange, formatPerplexity, formatScientific } from '../format.ts';
import {
  changeAgainst,
  type ExportChoice,
  type ExportEntry,
  type ExportKind,
  type Exports,
  exportKey,
  exportName,
  runtimeName,
} from '../store/exports.ts';
import { isOfEngine } from '../store/failure.ts';
import { howToRun, weightFiles } from '../store/how_to_run.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { Downloads } from './Downloads.tsx';

type Done = Extract<ExportEntry, { state: 'done' }>;

interface Props {
  exports: Exports;
  kind: ExportKind;
  /** Of the model itself, to compare the files with. */
  perplexity: PerplexityReport | null;
  /** Start of the archives' names. */
  stem: string;
  /** Saving the newest is what comes next. */
  isNext: boolean;
  /** Exports anew what was broken off; absent: it cannot be. */
  again?: (choice: ExportChoice) => void;
}

/** What has been exported of one model: every file with the perplexity of exactly that file. */
export function ExportList({ exports, isNext, ...rest }: Props) {
  if (exports.length === 0) return null;
  return (
    <ul className="export-list" aria-label={rest.kind === 'dense' ? 'Exports of the open model' : 'Exports'}>
      {exports.map((entry, index) => (
        <li key={exportKey(entry.choice)} data-kind={rest.kind}>
          <ExportItem {...rest} entry={entry} isNext={isNext && index === 0} />
        </li>
      ))}
    </ul>
  );
}

function ExportItem({ entry, kind, perplexity, stem, isNext, again }: Omit<Props, 'exports'> & { entry: ExportEntry }) {
  const name = exportName(entry.choice);
  const isBusy = useIsBusy();
  const isFull = entry.state === 'failed' && entry.error.code === 'storage_full';
  switch (entry.state) {
    case 'running':
      return (
        <p className="export-head">
          <strong>{name}</strong>
          <span className="muted">writing and verifying</span>
        </p>
      );
    case 'failed':
      return (
        <div data-failure tabIndex={-1}>
          <ErrorNote
            title={`${name}: ${isOfEngine(entry.error) ? 'the engine stopped' : 'not offered'}`}
            error={entry.error}
          >
            {(isFull || (isOfEngine(entry.error) && again)) && (
              <div className="button-row wrapping">
                {isFull && (
                  <button type="button" onClick={showStored}>
                    Free space…
                  </button>
                )}
                {again && (
                  <ActionButton hindrance={isBusy && BUSY} onClick={() => again(entry.choice)}>
                    Export again
                  </ActionButton>
                )}
              </div>
            )}
          </ErrorNote>
        </div>
      );
    case 'done': {
      const { report, protocol } = entry;
      const change = changeAgainst(entry, perplexity);
      const folder = `${stem}-${exportKey(entry.choice)}`;
      const bytes = report.files.reduce((sum, file) => sum + file.bytes, 0);
      return (
        <>
          <p className="export-head">
            <strong>{name}</strong>
            <span>{formatBytes(bytes)}</span>
          </p>
          <p className="verified">
            {report.runtimes.length > 0
              ? `Verified in ${report.runtimes.map(runtimeName).join(' and ')}`
              : 'Verified: opened again and measured'}
          </p>
          <Facts
            facts={[
              {
                name: 'Perplexity of this file',
                value: formatPerplexity(report.perplexity),
                title: protocol ? protocolText(protocol) : undefined,
              },
              ...(change === null
                ? []
                : [{ name: kind === 'dense' ? 'Against the model' : 'Against the run', value: formatChange(change) }]),
              {
                name: 'max |Δlogit|',
                value: formatScientific(report.max_abs_logit_difference),
                title:
                  'Largest difference of a logit to the same numbers in the app, over the first window that each runtime ran',
              },
              ...(report.needs_onnxruntime
                ? [{ name: 'Needs', value: `ONNX Runtime ≥ ${report.needs_onnxruntime}` }]
                : []),
            ]}
          />
          {report.notes.map((note) => (
            <p key={note} className="muted">
              {note}
            </p>
          ))}
          <Downloads report={report} name={name} archive={`${folder}.zip`} isNext={isNext} />
          <RunLines entry={entry} name={name} folder={folder} />
          <Hashes report={report} />
        </>
      );
    }
  }
}

/** What to type where the file is to be used. */
function RunLines({ entry, name, folder }: { entry: Done; name: string; folder: string }) {
  const { title, lines } = howToRun(entry.choice, entry.report.files, folder);
  const text = lines.join('\n');
  return (
    <div className="run-lines">
      <p>
        {title} <CopyButton text={text} what={`how to run ${name}`} />
      </p>
      <pre>{text}</pre>
    </div>
  );
}

/** Of the weights; those of all files stand in report.json beside them. */
function Hashes({ report }: { report: ExportReport }) {
  return (
    <div className="hashes">
      {weightFiles(report.files).map(({ name, sha256 }) => (
        <p key={name}>
          SHA-256 of {name} <CopyButton text={sha256} what={`SHA-256 of ${name}`} />
          <code>{sha256}</code>
        </p>
      ))}
    </div>
  );
}
