/** @file Opening a kept session: figures at once, then the model's files, then the weights of its runs. */
import type { KeptMetrics } from '../../engine/metrics/metrics.ts';
import type { ModelSource } from '../../engine/protocol.ts';
import { WhittleError } from '../../errors/errors.ts';
import type { PickedFile } from '../../platform/dropped_files.ts';
import { fileOf, mayRead } from '../../platform/picked_handles.ts';
import { putSessionInfo, readSession, type SessionInfo } from '../../platform/session_records.ts';
import { runJob } from '../actions/job.ts';
import { offerLinked } from '../actions/link.ts';
import { previewIfWanted } from '../actions/preview.ts';
import { restoreRuns } from '../actions/restore_runs.ts';
import { changeResults, changeSessions } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { DATA_VERSION, type KeptSource, restoredState, type SessionData, type SessionFiles } from './data.ts';
import { goOn } from './go_on.ts';
import { keeperOf } from './keep.ts';

const NO_METRICS: KeptMetrics = { lines: [], recipes: {} };

const STEPS = [
  { command: 'open', label: 'Reading headers' },
  { command: 'set_texts', label: 'Tokenising the texts' },
  { command: 'restore', label: 'Finding the weights of its runs' },
] as const;

/** From a click: the browser may have to ask whether the files may be read. */
export async function openSession(studio: Studio, info: SessionInfo): Promise<void> {
  const found = await read(studio, info);
  if (!found) return;
  const source = await sourceOf(found.files.source);
  if (source) await restore(studio, info, found, source);
  else {
    studio.awaited = (files) => openSessionFiles(studio, info, files);
    changeSessions(studio.store, { waiting: info });
  }
}

/** From a file, not from this browser: its figures at once; its model where that is at hand, else its files are asked for. */
export async function openFound(studio: Studio, info: SessionInfo, found: Found): Promise<void> {
  await keeperOf(studio)?.save();
  show(studio, info, found);
  const source = await sourceOf(found.files.source);
  studio.awaited = (files) => restore(studio, info, found, { kind: 'files', files });
  changeSessions(studio.store, { waiting: info });
  if (source) await restore(studio, info, found, source);
}

/** The files that were asked for, dropped or picked. */
async function openSessionFiles(studio: Studio, info: SessionInfo, files: PickedFile[]): Promise<void> {
  const found = await read(studio, info);
  if (found) await restore(studio, info, found, { kind: 'files', files });
}

/** The next files are opened as another model again. */
export function stopWaiting(studio: Studio): void {
  studio.awaited = null;
  changeSessions(studio.store, { waiting: null });
}

/** What another tab works in, as it was saved last. */
export async function lookAtSession(studio: Studio, info: SessionInfo): Promise<void> {
  const found = await read(studio, info);
  if (!found) return;
  await keeperOf(studio)?.save();
  show(studio, info, found);
}

/** Its figures, in place of those at hand; nothing can be made until its model is open. */
function show(studio: Studio, info: SessionInfo, { data, files }: Found): void {
  studio.store.setState((state) => ({
    ...restoredState(state, data, files),
    source: null,
    sessions: { ...state.sessions, reading: info, waiting: null, kept: 'no' },
  }));
  studio.metrics.load(data.metrics ?? NO_METRICS);
}

export interface Found {
  data: SessionData;
  files: SessionFiles;
}

async function read(studio: Studio, info: SessionInfo): Promise<Found | null> {
  const found = await readSession(info.id);
  const data = found?.data as SessionData | undefined;
  if (found && data?.version === DATA_VERSION) return { data, files: found.files as SessionFiles };
  await runJob(studio, 'restore', `Opening ${info.name}`, STEPS, () =>
    Promise.reject(
      new WhittleError({
        code: 'bad_session',
        message: data
          ? `The session was kept by another version of Whittle (form ${data.version}).`
          : 'The session is no longer in the browser’s storage: another tab may have deleted it.',
        allowed: `sessions of form ${DATA_VERSION}`,
        action: 'Open the model itself; the session can be deleted from the list.',
      }),
    ),
  );
  await keeperOf(studio)?.look();
  return null;
}

/** Null where the files have to be asked for. */
async function sourceOf(source: KeptSource | null): Promise<ModelSource | null> {
  if (source?.kind !== 'files') return source;
  const files: PickedFile[] = [];
  const asked = new Map<FileSystemHandle, boolean>();
  for (const { path, handle } of source.files) {
    if (!handle) return null;
    const known = asked.get(handle.root) ?? (await mayRead(handle).catch(() => false));
    asked.set(handle.root, known);
    const file = known ? await fileOf(handle) : null;
    if (!file) return null;
    files.push({ path, file });
  }
  return { kind: 'files', files };
}

async function restore(studio: Studio, info: SessionInfo, { data, files }: Found, source: ModelSource): Promise<void> {
  const { store } = studio;
  const keeper = keeperOf(studio);
  const session = { id: info.id, engines: info.engines };
  const isDone = await runJob(studio, 'restore', `Opening ${info.name}`, STEPS, async (job) => {
    await keeper?.save();
    if (keeper && !(await keeper.own(info.id))) throw elsewhere(info);
    // Written before it works: should it end at once, the next takes no name of its files.
    if (keeper) await putSessionInfo({ ...info, engines: info.engines + 1 });
    await job.run('open', { source, session, fingerprint: { value: info.fingerprint, name: info.model } });
    store.setState((state) => ({
      ...restoredState(state, data, files),
      source,
      memory: null,
      sessions: {
        ...state.sessions,
        ...{ waiting: null, reading: null, kept: 'no' as const },
        name: info.name === info.model ? null : info.name,
      },
    }));
    studio.metrics.load(data.metrics ?? NO_METRICS);
    studio.awaited = null;
    await keeper?.entered(session);
    void offerLinked(studio);
    await restoreRuns(studio, job);
    if (!files.measured) forgetProtocol(studio);
  });
  // Another session is worked in still: its lock was not given up unless the engine went on.
  if (!isDone && studio.engine.session.id !== info.id) {
    await keeper?.own(studio.engine.session.id);
    await keeper?.look();
    return;
  }
  if (isDone) await goOn(studio, data.work);
  await previewIfWanted(studio);
}

/** Figures stay with the protocol that they name; what is measured from now on is measured with other texts. */
function forgetProtocol({ store }: Studio): void {
  changeResults(store, (results) => (results.texts ? results : { ...results, protocol: null }));
}

function elsewhere({ name }: SessionInfo): WhittleError {
  return new WhittleError({
    code: 'bad_session',
    message: `${name} is open in another tab, which works in it.`,
    action: 'Go on there, or close that tab first. Its figures can be looked at here.',
  });
}
