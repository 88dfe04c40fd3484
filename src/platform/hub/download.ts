/** @file Downloads one model into the cache, or the rest of it, file by file. */
import { WhittleError } from '../../errors/errors.ts';
import { isNamed } from '../named.ts';
import { openFolder, openForWriting } from '../opfs.ts';
import { roomFor } from '../room.ts';
import { findCached, folderPath, newJournal, readJournal, storedName, withModel, writeJournal } from './cache.ts';
import { endpointHost, fileUrl } from './endpoint.ts';
import type { Journal } from './journal.ts';
import { type TransferOptions, transferFile } from './transfer.ts';
import { type HubFile, type HubPlan, isSameModel, totalBytes } from './types.ts';

export interface DownloadProgress {
  /** Bytes of all files on disk. */
  held_bytes: number;
  total_bytes: number;
  /** Bytes that came over the network in this download; what an earlier visit left does not count. */
  received_bytes: number;
  file: string;
  /** Why nothing moves at this moment. */
  waiting?: { seconds: number; reason: string };
}

export interface DownloadOptions extends Omit<TransferOptions, 'onHeld' | 'onWait'> {
  onProgress?(progress: DownloadProgress): void;
  /** Called with each file once its hash was right; throwing ends the download. */
  onFile?(name: string, file: File): Promise<void>;
}

/**
 * Brings all files of the plan to this device. With any error, a cancel included, what has arrived stays for the next call,
 * except files whose content was wrong. Throws `hub_busy`, `storage_full`, `wrong_hash`, `file_changed` and all that a
 * request can throw.
 */
export async function downloadModel(plan: HubPlan, options: DownloadOptions): Promise<void> {
  if ((await findCached(plan))?.is_complete) return;
  await withModel(plan, () => fill(plan, options));
}

async function fill(plan: HubPlan, options: DownloadOptions): Promise<void> {
  checkNames(plan);
  const folder = await openFolder(folderPath(plan), true);
  const known = await readJournal(folder);
  // The commit is part of the folder's name, so a journal of another plan can only be a damaged one.
  let journal = known && isSameModel(known.plan, plan) ? { ...known, plan } : newJournal(plan);
  const save = async (change: Partial<Journal>) => {
    journal = { ...journal, ...change };
    await writeJournal(folder, journal);
  };
  await save({ used_at: Date.now() });
  const held = new Map<string, number>();
  for (const { path } of plan.files) held.set(path, (await sizeIn(folder, path)) ?? 0);
  await checkSpace(plan, held, folder);

  const total_bytes = totalBytes(plan.files);
  let received_bytes = 0;
  const sum = () => [...held.values()].reduce((all, bytes) => all + bytes, 0);
  const report = (file: HubFile, waiting?: DownloadProgress['waiting']) =>
    options.onProgress?.({ held_bytes: sum(), total_bytes, received_bytes, file: file.path, waiting });

  for (const file of plan.files) {
    options.signal.throwIfAborted();
    const name = storedName(file.path);
    if (!(journal.done.includes(file.path) && held.get(file.path) === file.bytes)) {
      report(file);
      const handle = await openForWriting(folder, name);
      try {
        await transferFile(
          fileUrl(plan.endpoint, plan.id, plan.commit, file.path),
          file,
          handle,
          {
            read: () => journal.etags[file.path],
            write: (etag) => save({ etags: withETag(journal.etags, file.path, etag) }),
          },
          { endpoint: plan.endpoint, id: plan.id, revision: plan.revision, file: file.path },
          {
            ...options,
            onHeld(bytes, from) {
              if (from === 'network') received_bytes += bytes - (held.get(file.path) ?? 0);
              held.set(file.path, bytes);
              report(file);
            },
            onWait: (seconds, reason) => report(file, { seconds, reason }),
          },
        );
      } finally {
        handle.close();
      }
      await save({ done: [...journal.done.filter((path) => path !== file.path), file.path] });
    }
    await options.onFile?.(name, await (await folder.getFileHandle(name)).getFile());
  }
}

function withETag(etags: Journal['etags'], path: string, etag: string | undefined): Journal['etags'] {
  const { [path]: _, ...others } = etags;
  return etag === undefined ? others : { ...others, [path]: etag };
}

async function sizeIn(folder: FileSystemDirectoryHandle, path: string): Promise<number | undefined> {
  try {
    return (await (await folder.getFileHandle(storedName(path))).getFile()).size;
  } catch (thrown) {
    if (isNamed(thrown, 'NotFoundError')) return undefined;
    throw thrown;
  }
}

/** Before gigabytes are fetched for nothing; a disk that fills in the middle is met as well. */
async function checkSpace(
  { files, endpoint, id }: HubPlan,
  held: ReadonlyMap<string, number>,
  folder: FileSystemDirectoryHandle,
): Promise<void> {
  const missing = files.reduce((sum, { path, bytes }) => sum + Math.max(0, bytes - (held.get(path) ?? 0)), 0);
  const free = await roomFor(missing, folder);
  if (free >= missing) return;
  throw new WhittleError({
    code: 'storage_full',
    message: `${megabytes(missing)} are still to come, but this site can store only ${megabytes(free)} more.`,
    place: { file: id },
    action: `Delete downloaded models or free disk space; or download it from ${endpointHost(endpoint)} in the browser and drop the folder here.`,
  });
}

/** Two files of one name cannot lie in one folder. */
function checkNames({ id, files }: HubPlan): void {
  const names = files.map(({ path }) => storedName(path).toLowerCase());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new WhittleError({
    code: 'not_a_model',
    message: `Two files of ${id} are named ${twice}.`,
    place: { file: twice },
    allowed: 'one file of each name',
    action: 'Download the files by hand, keep one of the two, and drop the folder here.',
  });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
