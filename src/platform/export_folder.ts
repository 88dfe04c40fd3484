/**
 * @file One folder of OPFS for each export: written as streams beside the engine, read by the page for download.
 */
import { FileWriter, type HashedSink } from './file_writer/worker_sink.ts';
import { isNamed } from './named.ts';
import { openFolder, removeEntry, removeWhenFree } from './opfs.ts';
import { storageSession } from './storage_session.ts';

/** Of this thread. */
let writer: FileWriter | undefined;

/** Names are paths inside the folder: `config.json`, `onnx/model.onnx`. */
export interface OpfsExportFolder {
  /** From the origin's root: what {@link exportedFile} on the page takes. */
  readonly path: string;
  /** Makes the sub-folders that the name has. */
  create(name: string): Promise<HashedSink>;
  /** A finished file: on disk, not in memory. */
  file(name: string): Promise<File>;
  /** Of all files, those of sub-folders included. */
  list(): Promise<string[]>;
  remove(): Promise<void>;
}

/** A new, empty folder in this engine's part of OPFS; an earlier export of the same id goes. Dedicated Workers only. */
export async function createExportFolder(id: string): Promise<OpfsExportFolder> {
  const parentPath = `${await storageSession()}/exports`;
  const parent = await openFolder(parentPath, true);
  return folderAt(parentPath, parent, await freeName(parent, id));
}

async function folderAt(
  parentPath: string,
  parent: FileSystemDirectoryHandle,
  name: string,
): Promise<OpfsExportFolder> {
  const folder = await parent.getDirectoryHandle(name, { create: true });
  const path = `${parentPath}/${name}`;
  return {
    path,
    create(name) {
      const { folder: inner, base } = splitPath(name);
      writer ??= new FileWriter();
      return writer.file(inner ? `${path}/${inner}` : path, base);
    },
    file: (name) => exportedFile(path, name),
    list: async () => (await namesIn(folder)).sort(),
    remove: () => removeWhenFree(parent, name),
  };
}

/** One that an earlier engine of this session finished. Throws `NotFoundError` where it is gone. */
export async function openExportFolder(path: string): Promise<OpfsExportFolder> {
  const { folder: parentPath, base } = splitPath(path);
  const parent = await openFolder(parentPath);
  await parent.getDirectoryHandle(base);
  return folderAt(parentPath, parent, base);
}

/** Removes what has the name; where the browser still holds a file of it (an engine that died had it open), takes another. */
async function freeName(parent: FileSystemDirectoryHandle, id: string): Promise<string> {
  for (let serial = 1; ; serial++) {
    const name = serial === 1 ? id : `${id}.${serial}`;
    try {
      await removeEntry(parent, name);
      return name;
    } catch (thrown) {
      if (!isNamed(thrown, 'NoModificationAllowedError')) throw thrown;
    }
  }
}

/** An export whose engine is gone; nothing happens where it is gone too. */
export async function removeExport(folderPath: string): Promise<void> {
  const { folder, base } = splitPath(folderPath);
  await openFolder(folder)
    .then((parent) => removeEntry(parent, base))
    .catch(() => undefined);
}

/** A finished file of an export, in a page or a Worker. */
export async function exportedFile(folderPath: string, name: string): Promise<File> {
  const { folder, base } = splitPath(name);
  const parent = await openFolder(`${folderPath}/${folder}`);
  return (await parent.getFileHandle(base)).getFile();
}

/** `onnx/model.onnx` → `onnx` and `model.onnx`; no folder is the empty string. */
export function splitPath(path: string): { folder: string; base: string } {
  const cut = path.lastIndexOf('/');
  return { folder: path.slice(0, Math.max(0, cut)), base: path.slice(cut + 1) };
}

async function namesIn(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const names: string[] = [];
  for await (const [name, entry] of folder.entries()) {
    if (entry.kind === 'file') names.push(name);
    else names.push(...(await namesIn(entry as FileSystemDirectoryHandle)).map((inner) => `${name}/${inner}`));
  }
  return names;
}
