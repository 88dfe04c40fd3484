import { useState } from 'react';
import type { ExportReport } from '../../engine/protocol.ts';
import { type ErrorData, toErrorData } from '../../errors/errors.ts';
import { canSaveToFolder } from '../../platform/download.ts';
import { downloadAll, downloadFile, saveToFolder } from '../actions/download.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { formatBytes } from '../format.ts';
import { useStudio } from '../studio.ts';

interface Props {
  report: ExportReport;
  /** For screen readers, which hear several of these: "ONNX, int4". */
  name: string;
  /** File name of all in one. */
  archive: string;
  /** What the page recommends now. */
  isNext: boolean;
}

/** The files of a verified export. */
export function Downloads({ report, name, archive, isNext }: Props) {
  const studio = useStudio();
  const [error, setError] = useState<ErrorData | null>(null);
  /** Share of the zip that is written; null while none is. */
  const [packed, setPacked] = useState<number | null>(null);
  const save = (download: Promise<void>) => {
    setError(null);
    download.catch((thrown: unknown) => setError(toErrorData(thrown))).finally(() => setPacked(null));
  };
  function saveAll() {
    setPacked(0);
    // Whole percents only: React need not draw every chunk.
    save(downloadAll(studio, report, archive, (share) => setPacked(Math.floor(share * 100) / 100)));
  }
  return (
    <>
      <div className="button-row">
        <ActionButton
          className={isNext ? 'primary' : undefined}
          hindrance={packed !== null && 'The archive is being packed'}
          title={archive}
          onClick={saveAll}
        >
          {packed === null ? 'Download all' : `Packing ${Math.round(packed * 100)} %`}
          <span className="visually-hidden"> of {name}</span>
        </ActionButton>
        {canSaveToFolder() && (
          <button type="button" onClick={() => save(saveToFolder(studio, report))}>
            Save to a folder…
            <span className="visually-hidden"> {name}</span>
          </button>
        )}
      </div>
      <details className="fold">
        <summary>
          {report.files.length} files<span className="visually-hidden"> of {name}</span>
        </summary>
        <ul className="download-list">
          {report.files.map((file) => (
            <li key={file.name}>
              <button
                type="button"
                className="link"
                title={`SHA-256 ${file.sha256}`}
                onClick={() => save(downloadFile(studio, report, file.name))}
              >
                <span className="visually-hidden">Download </span>
                {file.name}
              </button>
              <span>{formatBytes(file.bytes)}</span>
            </li>
          ))}
        </ul>
      </details>
      {error && <ErrorNote title="The file could not be saved" error={error} />}
    </>
  );
}
