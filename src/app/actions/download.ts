/** @file From the export's folder in the browser's private file system to where the person wants it. */
import type { ExportReport } from '../../engine/protocol.ts';
import { toErrorData, WhittleError } from '../../errors/errors.ts';
import { downloadExport, saveExportToFolder } from '../../platform/download.ts';
import { canZip, downloadZip } from '../../platform/zip_export.ts';
import { markSaved } from '../store/losses.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';

export async function downloadFile({ store }: Studio, report: ExportReport, name: string): Promise<void> {
  await explained(name, () => downloadExport(report.folder, name));
  changeResults(store, (results) => markSaved(results, report.folder, [name]));
}

/** As one zip with its sub-folders; where the browser cannot write one, file after file. `onProgress` gets a share. */
export async function downloadAll(
  studio: Studio,
  report: ExportReport,
  archive: string,
  onProgress: (share: number) => void,
): Promise<void> {
  if (!canZip()) {
    for (const { name } of report.files) await downloadFile(studio, report, name);
    return;
  }
  await explained(archive, () =>
    downloadZip(report.folder, namesOf(report), archive, (done, total) => onProgress(total > 0 ? done / total : 1)),
  );
  changeResults(studio.store, (results) => markSaved(results, report.folder, 'all'));
}

/** Into a folder that the person picks, where the browser has such a picker. */
export async function saveToFolder({ store }: Studio, report: ExportReport): Promise<void> {
  const isSaved = await explained(undefined, () => saveExportToFolder(report.folder, namesOf(report)));
  if (isSaved) changeResults(store, (results) => markSaved(results, report.folder, 'all'));
}

/** The zip is made in the browser's storage first. */
function noRoomToPack(file: string | undefined): WhittleError {
  return new WhittleError({
    code: 'storage_full',
    message: 'The browser’s storage for this site has no room to pack the files in.',
    place: { file },
    action:
      'Download the files one by one, below: that needs no room. Or free disk space, or delete downloaded models and runs, and try again.',
  });
}

function namesOf({ files }: ExportReport): string[] {
  return files.map(({ name }) => name);
}

async function explained<T>(file: string | undefined, save: () => Promise<T>): Promise<T> {
  try {
    return await save();
  } catch (cause) {
    if (cause instanceof WhittleError) throw cause;
    if (toErrorData(cause).code === 'storage_full') throw noRoomToPack(file);
    throw new WhittleError(
      {
        code: 'export_failed',
        message: `The browser refused to save: ${toErrorData(cause).message}`,
        place: { file },
        action: 'Free some disk space or choose another folder; if the file is gone from this browser, export again.',
      },
      { cause },
    );
  }
}
