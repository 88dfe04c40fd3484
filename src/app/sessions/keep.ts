/**
 * @file Keeps the session while the person works: what the store holds goes into the browser's storage a moment after it
 * changed, so that a reload, a closed tab or a crash takes nothing but that moment.
 */
import type { SessionRef } from '../../engine/protocol.ts';
import { toErrorData } from '../../errors/errors.ts';
import { requestPersistence } from '../../platform/opfs.ts';
import {
  deleteSession,
  hasSessions,
  listSessions,
  ownedSessions,
  ownSession,
  putSession,
} from '../../platform/session_records.ts';
import { changeSessions, type StudioState } from '../store/store.ts';
import type { Keeper, Studio } from '../studio.ts';
import { dataOf, filesOf, hasWork, infoOf } from './data.ts';

/** Figures change many times a second while a job runs. */
const EVERY_MS = 1000;

export class SessionKeeper implements Keeper {
  private release?: () => void;
  private owned?: string;
  private timer?: ReturnType<typeof setTimeout>;
  private saving: Promise<void> = Promise.resolve();
  /** What `files` were written last: texts may be large. */
  private written: readonly unknown[] = [];

  constructor(private readonly studio: Studio) {}

  /** Begins to keep. Returns how to stop. */
  start(): () => void {
    const { store } = this.studio;
    void this.look();
    const unsubscribe = store.subscribe((state, before) => this.changed(state, before));
    const onHide = () => document.visibilityState === 'hidden' && void this.save();
    document.addEventListener('visibilitychange', onHide);
    return () => {
      unsubscribe();
      document.removeEventListener('visibilitychange', onHide);
      clearTimeout(this.timer);
      this.release?.();
    };
  }

  async next(): Promise<SessionRef | undefined> {
    const state = this.studio.store.getState();
    if (state.sessions.reading || !state.results.model || !hasWork(state)) return undefined;
    await this.save();
    return { id: crypto.randomUUID(), engines: 0 };
  }

  async entered({ id }: SessionRef): Promise<void> {
    await this.own(id);
    this.written = [];
    await this.look();
  }

  /** Becomes the tab that works in a session. @returns Whether it could. */
  async own(id: string): Promise<boolean> {
    if (this.owned === id) return true;
    const release = await ownSession(id);
    if (!release) return false;
    this.release?.();
    this.release = release;
    this.owned = id;
    return true;
  }

  /** Reads the list of the others anew. */
  async look(): Promise<void> {
    const [all, elsewhere] = await Promise.all([listSessions(), ownedSessions()]).catch(
      () => [[], new Set<string>()] as const,
    );
    const { id: own } = this.studio.engine.session;
    changeSessions(this.studio.store, { list: all.filter(({ id }) => id !== own), elsewhere });
  }

  /** What is shown now, on disk. Never rejects: a failure is told in the store. */
  save(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.saving = this.saving.then(() => this.write());
    return this.saving;
  }

  async discard(id: string): Promise<void> {
    const release = await ownSession(id, 1);
    if (!release) return this.look();
    try {
      await deleteSession(id);
    } finally {
      release();
    }
    await this.look();
  }

  private changed(state: StudioState, before: StudioState): void {
    const isSame =
      state.results === before.results &&
      state.settings === before.settings &&
      state.job === before.job &&
      state.recipe === before.recipe &&
      state.front === before.front &&
      state.edits === before.edits &&
      state.selected === before.selected &&
      state.sessions.name === before.sessions.name;
    if (isSame || !state.results.model || state.sessions.reading) return;
    const isMade =
      state.results.runs !== before.results.runs ||
      state.results.dense_exports !== before.results.dense_exports ||
      state.job.state !== before.job.state;
    if (state.sessions.kept === 'yes' && isMade) changeSessions(this.studio.store, { kept: 'saving' });
    if (isMade) void this.save();
    else this.timer ??= setTimeout(() => void this.save(), EVERY_MS);
  }

  private async write(): Promise<void> {
    const { store, engine } = this.studio;
    const state = store.getState();
    if (!state.results.model || state.sessions.reading) return;
    const { session } = engine;
    try {
      if (!(await this.own(session.id))) return;
      const files = [state.settings.texts, state.results.texts, state.source];
      const areNew = files.some((each, i) => each !== this.written[i]);
      await putSession(
        infoOf(state, session),
        dataOf(state, this.studio.metrics.kept()),
        areNew ? filesOf(state) : undefined,
      );
      this.written = files;
      // What changed meanwhile is saved by its own change.
      const isLatest = store.getState().results === state.results;
      if (isLatest) changeSessions(store, { kept: 'yes', failure: null });
    } catch (thrown) {
      changeSessions(store, { kept: 'no', failure: toErrorData(thrown) });
    }
  }
}

/** Keeps this page's session where the browser can. Returns how to stop. */
export function keepSession(studio: Studio): () => void {
  if (!hasSessions()) {
    changeSessions(studio.store, { list: [] });
    return () => {};
  }
  const keeper = new SessionKeeper(studio);
  studio.keeper = keeper;
  void requestPersistence().catch(() => false);
  const stop = keeper.start();
  return () => {
    studio.keeper = null;
    stop();
  };
}

export function keeperOf({ keeper }: Studio): SessionKeeper | null {
  return keeper instanceof SessionKeeper ? keeper : null;
}
