/** @file What actions and panels work on: the store, and the engine behind it. */
import { createContext, useContext } from 'react';
import { useStore } from 'zustand';
import type { EngineClient } from '../engine/client.ts';
import { MetricsLog } from '../engine/metrics/metrics.ts';
import type { ModelSource, SessionRef } from '../engine/protocol.ts';
import type { PickedFile } from '../platform/dropped_files.ts';
import type { View } from './store/calm_view.ts';
import type { JobKind } from './store/job.ts';
import type { StudioState, StudioStore } from './store/store.ts';

/** The part of the client that the studio uses; tests give a scripted one. */
export type Engine = Pick<EngineClient, 'run' | 'session' | 'onOutsideRequests' | 'onStopped'>;

/** What keeps the session, as far as the opening of models has to know. */
export interface Keeper {
  /** Another model is to be opened: the session for it, where the one at hand holds work; that is saved first. */
  next(): Promise<SessionRef | undefined>;
  /** The engine works in it now. */
  entered(session: SessionRef): Promise<void>;
}

export interface Studio {
  store: StudioStore;
  engine: Engine;
  /** The job that runs, for cancelling and for waiting until it has let go of the engine. */
  current: { kind: JobKind; controller: AbortController; done: Promise<void> } | null;
  /** The slider moved while a job that may not be replaced was running: measure when it ends. */
  preview_wanted: boolean;
  /** Keeps the session; null where the browser cannot. */
  keeper: Keeper | null;
  /** Takes the next files that come: a session asked for its own. */
  awaited: ((files: PickedFile[]) => Promise<void>) | null;
  /** Opens a project file; null where nobody does. Set from outside, because opening a session opens models. */
  takeProject: ((file: File) => Promise<void>) | null;
  /** Takes back what was chosen; null until it is loaded. Each gives what it did, for people, or null. */
  history: { undo(): string | null; redo(): string | null } | null;
  /** The settings of the address that was followed, until a session came back against them. */
  linked: string | null;
  /** What was to be opened last, whether it could be or not: files can be added to it. */
  attempted: ModelSource | null;
  /** Answers the question that is open. */
  answer: ((value: string | null) => void) | null;
  /** All that was measured of the open model. */
  readonly metrics: MetricsLog;
}

export function createStudio(store: StudioStore, engine: Engine): Studio {
  return {
    ...{
      store,
      engine,
      current: null,
      preview_wanted: false,
      keeper: null,
      awaited: null,
      history: null,
      takeProject: null,
      linked: null,
      attempted: null,
      answer: null,
    },
    metrics: new MetricsLog(),
  };
}

const StudioContext = createContext<Studio | null>(null);
export const StudioProvider = StudioContext.Provider;

/** What is read in place of the store: see `components/Seen.tsx`. */
const ViewContext = createContext<View<StudioState> | null>(null);
export const ViewProvider = ViewContext.Provider;

export function useStudio(): Studio {
  const studio = useContext(StudioContext);
  if (!studio) throw new Error('useStudio is used outside StudioProvider.');
  return studio;
}

export function useStudioState<T>(select: (state: StudioState) => T): T {
  const { store } = useStudio();
  return useStore(useContext(ViewContext) ?? store, select);
}
