/** @file From the export's folder in the browser's private file system to where the person wants it. */
import type { ExportReport } from '../../engine/protocol.ts';
import { toErrorData, WhittleError } from '../../errors/errors.ts';
import { downloadExport, saveExportToFolder } from '../../platform/download.ts';
import { canZip, downloadZip } from '../../platform/zip_export.ts';

export async function downloadFile(report: ExportReport, name: string): Promise<void> {
  await explained(name, () => downloadExport(report.folder, name));
}

/** As one zip with its sub-folders; where the browser cannot write one, file after file. `onProgress` gets a share. */
export async function downloadAll(
  report: ExportReport,
  archive: string,
  onProgress: (share: number) => void,
): Promise<void> {
  if (!canZip()) {
    for (const { name } of report.files) await downloadFile(report, name);
    return;
  }
  await explained(archive, () =>
    downloadZip(report.folder, namesOf(report), archive, (done, total) => onProgress(total > 0 ? done / total : 1)),
  );
}

/** Into a folder that the person picks, where the browser has such a picker. */
export async function saveToFolder(report: ExportReport): Promise<void> {
  await explained(undefined, () => saveExportToFolder(report.folder, namesOf(report)));
}

function namesOf({ files }: ExportReport): string[] {
  return files.map(({ name }) => name);
}

async function explained(file: string | undefined, save: () => Promise<unknown>): Promise<void> {
  try {
    await save();
  } catch (cause) {
    if (cause instanceof WhittleError) throw cause;
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
