/** @file From the export's folder in the browser's private file system to where the person wants it. */
import type { ExportReport } from '../../engine/protocol.ts';
import { toErrorData, WhittleError } from '../../errors/errors.ts';
import { downloadExport, saveExportToFolder } from '../../platform/download.ts';

export async function downloadFile(report: ExportReport, name: string): Promise<void> {
  await explained(name, () => downloadExport(report.folder, name));
}

/** One after another: a browser may ask once whether several files may be saved. */
export async function downloadAll(report: ExportReport): Promise<void> {
  for (const { name } of report.files) await downloadFile(report, name);
}

/** Into a folder that the person picks, where the browser has such a picker. */
export async function saveToFolder(report: ExportReport): Promise<void> {
  const names = report.files.map((file) => file.name);
  await explained(undefined, () => saveExportToFolder(report.folder, names));
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
