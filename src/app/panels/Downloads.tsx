import { useState } from 'react';
import type { ExportReport } from '../../engine/protocol.ts';
import { type ErrorData, toErrorData } from '../../errors/errors.ts';
import { canSaveToFolder } from '../../platform/download.ts';
import { downloadAll, downloadFile, saveToFolder } from '../actions/download.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { formatBytes } from '../format.ts';

/** The files of a verified export. */
export function Downloads({ report }: { report: ExportReport }) {
  const [error, setError] = useState<ErrorData | null>(null);
  const save = (download: Promise<void>) => {
    setError(null);
    download.catch((thrown: unknown) => setError(toErrorData(thrown)));
  };
  return (
    <>
      <button type="button" className="primary wide" onClick={() => save(downloadAll(report))}>
        Download all files
      </button>
      {canSaveToFolder() && (
        <button type="button" className="wide" onClick={() => save(saveToFolder(report))}>
          Save to a folder…
        </button>
      )}
      <ul className="download-list">
        {report.files.map((file) => (
          <li key={file.name}>
            <button
              type="button"
              className="link"
              title={`SHA-256 ${file.sha256}`}
              onClick={() => save(downloadFile(report, file.name))}
            >
              <span className="visually-hidden">Download </span>
              {file.name}
            </button>
            <span>{formatBytes(file.bytes)}</span>
          </li>
        ))}
      </ul>
      {error && <ErrorNote title="The file could not be saved" error={error} />}
    </>
  );
}
