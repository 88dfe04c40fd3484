/** @file The store: settings, the job, results. Actions change it; panels and charts read it. */
import { createStore, type StoreApi } from 'zustand/vanilla';
import type { MemoryReport, ModelFacts, ModelSource } from '../../engine/protocol.ts';
import type { ErrorData } from '../../errors/errors.ts';
import { type HubState, NO_HUB } from './hub.ts';
import type { JobState, StepDurations } from './job.ts';
import type { Quantity } from './quantities.ts';
import type { Question } from './question.ts';
import type { Repeat } from './repeat.ts';
import { NO_RESULTS, type Results } from './results.ts';
import { NO_SESSIONS, type SessionsState } from './sessions.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';
import { NO_EDITS, type SiteEdits } from './site_dimensions.ts';

export interface StudioState {
  settings: Settings;
  job: JobState;
  results: Results;
  /** Of the model that is being opened, as far as it is known; the one that is open stays so until then. */
  opening: ModelFacts | null;
  /** Where the open model came from, so that another backend can open it again. */
  source: ModelSource | null;
  hub: HubState;
  sessions: SessionsState;
  durations: StepDurations;
  /** As the engine told it last, of the model that is open. */
  memory: MemoryReport | null;
  /** Measuring the open model waits for the person, because it takes so many seconds; null: it does not. */
  long_measure_s: number | null;
  /** Ends of jobs are told by a notification while the page is in the background. */
  notify: boolean;
  /** What is asked at this moment. */
  question: Question | null;
  /** What was asked for once more, until a job begins. */
  repeat: Repeat | null;
  /** The engine died and came back; until the person has read it, or goes on. */
  interruption: { title: string; error: ErrorData } | null;
  /** The run of a recipe that the result speaks of; null: the run of the slider's settings. */
  selected: string | null;
  /** The recipe at hand, as text: form and expert's field are two views of it. */
  recipe: string;
  /** Recipes that were run, of every model of this visit: the newest last. */
  made: readonly MadeBefore[];
  /** Axes of the front, and the size that is aimed at. */
  front: FrontSettings;
  /** Site whose spectrum is shown. */
  site: number;
  /** Dimensions of single sites that differ from the slider's. */
  edits: SiteEdits;
  steps: Steps;
}

/** What can be taken back and again, for people; null: nothing. */
export interface Steps {
  undo: string | null;
  redo: string | null;
  /** What was done last of it. */
  said: string;
}

export interface MadeBefore {
  recipe: string;
  /** Of which model it was made last. */
  model: string;
}

export interface FrontSettings {
  x: Quantity;
  y: Quantity;
  /** Bytes; null: a size that suits the open model. */
  target: number | null;
  /** Columns of the table of runs, in the order of the quantities. */
  columns: readonly Quantity[];
}

/** The table begins with these: as many as its place has room for. */
const COLUMNS: readonly Quantity[] = ['perplexity', 'kl', 'top1', 'bytes', 'bits'];

export type StudioStore = StoreApi<StudioState>;

export function createStudioStore(settings: Partial<Settings> = {}, hub: Partial<HubState> = {}): StudioStore {
  return createStore<StudioState>()(() => ({
    settings: { ...DEFAULT_SETTINGS, ...settings },
    job: { state: 'idle' },
    results: NO_RESULTS,
    opening: null,
    source: null,
    hub: { ...NO_HUB, ...hub },
    sessions: NO_SESSIONS,
    durations: {},
    memory: null,
    long_measure_s: null,
    notify: false,
    question: null,
    repeat: null,
    interruption: null,
    selected: null,
    recipe: '',
    made: [],
    front: { x: 'bytes', y: 'perplexity', target: null, columns: COLUMNS },
    site: 0,
    edits: NO_EDITS,
    steps: { undo: null, redo: null, said: '' },
  }));
}

/** Who turns to the slider wants to see what it says. */
const SLICING = ['sparsity_percent', 'round', 'schedule', 'fusion', 'head'] as const;

export function changeFront(store: StudioStore, change: Partial<FrontSettings>): void {
  store.setState((state) => ({ front: { ...state.front, ...change } }));
}

export function changeSettings(store: StudioStore, change: Partial<Settings>): void {
  const isOfSlicing = SLICING.some((name) => name in change);
  store.setState((state) => ({
    settings: { ...state.settings, ...change },
    ...(isOfSlicing && { selected: null }),
  }));
}

export function changeHub(store: StudioStore, change: Partial<HubState>): void {
  store.setState((state) => ({ hub: { ...state.hub, ...change } }));
}

export function changeSessions(store: StudioStore, change: Partial<SessionsState>): void {
  store.setState((state) => ({ sessions: { ...state.sessions, ...change } }));
}

export function changeResults(store: StudioStore, change: (results: Results) => Results): void {
  store.setState((state) => ({ results: change(state.results) }));
}
