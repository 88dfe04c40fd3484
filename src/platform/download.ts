/**
 * @file Hands exported files to the person. A link's download works everywhere and never copies the file into memory: the
 * File of OPFS lies on disk. Where the browser has folder pickers, a whole export can go into a chosen folder.
 */
import { exportedFile, splitPath } from './export_folder.ts';
import { isNamed } from './named.ts';

/** An object URL must outlive the click; browsers say nothing when they have taken the bytes. */
const URL_LIFETIME_MS = 60_000;

interface FolderPickerWindow {
  showDirectoryPicker?(options: { id?: string; mode?: 'readwrite' }): Promise<FileSystemDirectoryHandle>;
}

/** Chromium drops a page's downloads beyond so many a second, and says nothing to anybody. */
const [BURST, BURST_MS] = [10, 1000];
/** Its clock starts when it hears of the click. */
const MARGIN_MS = 50;

/** When the last downloads were started. */
const starts: number[] = [];
let waiting = Promise.resolve();

/** Resolves, for one caller after another, once the browser will take another download. */
function takeTurn(): Promise<void> {
  waiting = waiting.then(async () => {
    const before = starts.length < BURST ? -Infinity : starts[starts.length - BURST];
    const wait_ms = before + BURST_MS + MARGIN_MS - performance.now();
    if (wait_ms > 0) await new Promise((resolve) => setTimeout(resolve, wait_ms));
    starts.push(performance.now());
    starts.splice(0, starts.length - BURST);
  });
  return waiting;
}

/** Starts the browser's download of one exported file; a download has no folder, so it is named without it. */
export async function downloadExport(folderPath: string, name: string): Promise<void> {
  await downloadBlob(await exportedFile(folderPath, name), splitPath(name).base);
}

/** Starts the browser's download of any Blob. */
export async function downloadBlob(blob: Blob, name: string, lifetime_ms = URL_LIFETIME_MS): Promise<void> {
  await takeTurn();
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), lifetime_ms);
}

/** Whether the person can be asked for a folder (Chromium only, at the time of writing). */
export function canSaveToFolder(): boolean {
  return typeof (globalThis as FolderPickerWindow).showDirectoryPicker === 'function';
}

/**
 * Asks for a folder and streams the named files into it, sub-folders included. Call it straight from a click: browsers refuse pickers otherwise.
 * @returns false when the person closed the picker.
 */
export async function saveExportToFolder(
  folderPath: string,
  names: readonly string[],
  onProgress?: (written: number, total: number) => void,
): Promise<boolean> {
  const picker = globalThis as FolderPickerWindow;
  let target: FileSystemDirectoryHandle | undefined;
  try {
    target = await picker.showDirectoryPicker?.({ id: 'whittle-export', mode: 'readwrite' });
  } catch (thrown) {
    if (!isNamed(thrown, 'AbortError')) throw thrown;
  }
  if (!target) return false;
  const files = await Promise.all(names.map((name) => exportedFile(folderPath, name)));
  const total = files.reduce((sum, file) => sum + file.size, 0);
  let written = 0;
  for (const [i, file] of files.entries()) {
    const { folder, base } = splitPath(names[i]);
    let parent = target;
    for (const part of folder.split('/').filter(Boolean)) {
      parent = await parent.getDirectoryHandle(part, { create: true });
    }
    const writable = await (await parent.getFileHandle(base, { create: true })).createWritable();
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        written += chunk.byteLength;
        onProgress?.(written, total);
        controller.enqueue(chunk);
      },
    });
    await file.stream().pipeThrough(counter).pipeTo(writable);
  }
  return true;
}
