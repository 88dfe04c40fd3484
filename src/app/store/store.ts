/** @file The store: settings, the job, results. Actions change it; panels and charts read it. */
import { createStore, type StoreApi } from 'zustand/vanilla';
import type { MemoryReport, ModelSource } from '../../engine/protocol.ts';
import type { ErrorData } from '../../errors/errors.ts';
import { type HubState, NO_HUB } from './hub.ts';
import type { JobState, StepDurations } from './job.ts';
import type { Question } from './question.ts';
import { NO_RESULTS, type Results } from './results.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';

export interface StudioState {
  settings: Settings;
  job: JobState;
  results: Results;
  /** Where the open model came from, so that another backend can open it again. */
  source: ModelSource | null;
  hub: HubState;
  durations: StepDurations;
  /** As the engine told it last, of the model that is open. */
  memory: MemoryReport | null;
  /** What is asked at this moment. */
  question: Question | null;
  /** The engine died and came back; until the person has read it, or goes on. */
  interruption: { title: string; error: ErrorData } | null;
  /** Site whose spectrum is shown. */
  site: number;
}

export type StudioStore = StoreApi<StudioState>;

export function createStudioStore(settings: Partial<Settings> = {}, hub: Partial<HubState> = {}): StudioStore {
  return createStore<StudioState>()(() => ({
    settings: { ...DEFAULT_SETTINGS, ...settings },
    job: { state: 'idle' },
    results: NO_RESULTS,
    source: null,
    hub: { ...NO_HUB, ...hub },
    durations: {},
    memory: null,
    question: null,
    interruption: null,
    site: 0,
  }));
}

export function changeSettings(store: StudioStore, change: Partial<Settings>): void {
  store.setState((state) => ({ settings: { ...state.settings, ...change } }));
}

export function changeHub(store: StudioStore, change: Partial<HubState>): void {
  store.setState((state) => ({ hub: { ...state.hub, ...change } }));
}

export function changeResults(store: StudioStore, change: (results: Results) => Results): void {
  store.setState((state) => ({ results: change(state.results) }));
}
