/** @file Files that a person drops or picks, alone or in folders, with their paths. Nothing is read but names and sizes. */
import { setHandle } from './picked_handles.ts';

export interface PickedFile {
  /** Path inside the dropped or picked folder, that folder's name first; the file's name where it came alone. */
  path: string;
  file: File;
}

/**
 * Files of a drop. Folders are walked; hidden files and folders (`.git`, `.DS_Store`) are left out.
 * Call it inside the event handler: the browser empties the `DataTransfer` right afterwards.
 */
export async function filesFromDrop(transfer: DataTransfer): Promise<PickedFile[]> {
  // Everything is taken out synchronously; only then is anything awaited.
  const items = Array.from(transfer.items)
    .filter((item) => item.kind === 'file')
    .map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile(), handle: askHandle(item) }));
  const found: PickedFile[] = [];
  for (const { entry, file, handle } of items) {
    const before = found.length;
    if (entry?.isDirectory) await walk(entry, found);
    else if (file && !isHidden(file.name)) found.push({ path: file.name, file });
    const root = await handle;
    if (!root) continue;
    // The handle of a folder stands for all that is in it.
    for (const { path, file } of found.slice(before)) {
      setHandle(file, { root, path: entry?.isDirectory ? path.split('/').slice(1) : [] });
    }
  }
  return found.map(pinned);
}

/** Has to be asked for within the event; not every browser has them. */
function askHandle(item: DataTransferItem): Promise<FileSystemHandle | null> {
  const { getAsFileSystemHandle: ask } = item as DataTransferItem & {
    getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
  };
  return ask ? ask.call(item).catch(() => null) : Promise.resolve(null);
}

/** Files of an `<input type=file>`, with or without `webkitdirectory`. */
export function filesFromInput(list: FileList | null): PickedFile[] {
  return Array.from(list ?? [], (file) => ({ path: file.webkitRelativePath || file.name, file }))
    .filter(({ path }) => !path.split('/').some(isHidden))
    .map(pinned);
}

async function walk(entry: FileSystemEntry, found: PickedFile[]): Promise<void> {
  if (isHidden(entry.name)) return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ''), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader gives a folder in batches (100 in Chromium) and an empty one at the end.
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return;
    for (const child of batch) await walk(child, found);
  }
}

function isHidden(name: string): boolean {
  return name.startsWith('.');
}

/** Reads the size once: a file deleted before its size was ever read looks empty afterwards, without any error. */
function pinned(picked: PickedFile): PickedFile {
  void picked.file.size;
  return picked;
}
