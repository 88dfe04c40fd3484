/**
 * @file One folder of OPFS for each export: written by the engine's Worker as streams, read by the page for download.
 */
import { openFolder, openForWriting, removeEntry, writeFully } from './opfs.ts';
import { storageSession } from './storage_session.ts';

/** The shape of `FileSink` in formats, which platform does not import. */
export interface ExportSink {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface OpfsExportFolder {
  /** From the origin's root: what {@link exportedFile} on the page takes. */
  readonly path: string;
  create(name: string): Promise<ExportSink>;
  /** A finished file: on disk, not in memory. */
  file(name: string): Promise<File>;
  list(): Promise<string[]>;
  remove(): Promise<void>;
}

/** A new, empty folder in this engine's part of OPFS; an earlier export of the same id goes. Dedicated Workers only. */
export async function createExportFolder(id: string): Promise<OpfsExportFolder> {
  const parentPath = `${await storageSession()}/exports`;
  const parent = await openFolder(parentPath, true);
  await removeEntry(parent, id);
  const folder = await parent.getDirectoryHandle(id, { create: true });
  const path = `${parentPath}/${id}`;
  return {
    path,
    create: (name) => createSink(folder, name),
    file: (name) => exportedFile(path, name),
    async list() {
      const names: string[] = [];
      for await (const name of folder.keys()) names.push(name);
      return names.sort();
    },
    remove: () => removeEntry(parent, id),
  };
}

/** A finished file of an export, in a page or a Worker. */
export async function exportedFile(folderPath: string, name: string): Promise<File> {
  const folder = await openFolder(folderPath);
  return (await folder.getFileHandle(name)).getFile();
}

async function createSink(folder: FileSystemDirectoryHandle, name: string): Promise<ExportSink> {
  const handle = await openForWriting(folder, name);
  handle.truncate(0);
  let end = 0;
  return {
    async write(bytes) {
      writeFully(handle, bytes, end, name);
      end += bytes.byteLength;
    },
    async close() {
      // Closing alone promises nothing about the disk.
      try {
        handle.flush();
      } finally {
        handle.close();
      }
    },
  };
}
