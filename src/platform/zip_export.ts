/**
 * @file A whole export as one zip: stored, not compressed (weights hardly shrink), Zip64 where it has to be. It is
 * streamed to a file in OPFS and handed over from there, so that no archive ever lies in memory.
 */
import { makeZip } from 'client-zip';
import { downloadBlob } from './download.ts';
import { exportedFile, splitPath } from './export_folder.ts';
import { openFolder, removeEntry } from './opfs.ts';

/** A browser reads the archive while it saves it; nothing tells when it has ended. Slow disks write this fast. */
const LEAST_LIFETIME_MS = 60_000;
const BYTES_PER_MS = 20_000;

/** Safari before 26 can write to OPFS in Workers only. */
export function canZip(): boolean {
  return typeof FileSystemFileHandle !== 'undefined' && 'createWritable' in FileSystemFileHandle.prototype;
}

/** Packs the named files into `archive` beside the export's folder; remove it with the returned function. */
export async function zipExport(
  folderPath: string,
  names: readonly string[],
  archive: string,
  onProgress?: (written: number, total: number) => void,
): Promise<{ file: File; remove(): Promise<void> }> {
  const parent = await openFolder(splitPath(folderPath).folder);
  const name = `${splitPath(folderPath).base}.zip`;
  const files = await Promise.all(names.map((inner) => exportedFile(folderPath, inner)));
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const root = archive.replace(/\.zip$/, '');
  const entries = files.map((input, i) => ({ name: `${root}/${names[i]}`, input, size: input.size }));
  let written = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      written += chunk.byteLength;
      onProgress?.(Math.min(written, total), total);
      controller.enqueue(chunk);
    },
  });
  const handle = await parent.getFileHandle(name, { create: true });
  const remove = () => removeEntry(parent, name);
  try {
    await makeZip(entries)
      .pipeThrough(counter)
      .pipeTo(await handle.createWritable());
  } catch (thrown) {
    await remove();
    throw thrown;
  }
  return { file: await handle.getFile(), remove };
}

/** Packs the export and starts the browser's download of it. */
export async function downloadZip(
  folderPath: string,
  names: readonly string[],
  archive: string,
  onProgress?: (written: number, total: number) => void,
): Promise<void> {
  const { file, remove } = await zipExport(folderPath, names, archive, onProgress);
  const lifetime = Math.max(LEAST_LIFETIME_MS, file.size / BYTES_PER_MS);
  await downloadBlob(file, archive, lifetime);
  // What a page leaves behind that is closed before is removed with its session, at the next start.
  setTimeout(() => void remove().catch(() => undefined), lifetime);
}
