/** @file Where on the page a job's failure stands. Pure. */
import type { ErrorData } from '../../errors/errors.ts';
import type { JobKind, JobState } from './job.ts';

export type FailedJob = Extract<JobState, { state: 'failed' }>;

/** The engine died or fell silent: no fault of what was asked for. */
export function isOfEngine({ code }: Pick<ErrorData, 'code'>): boolean {
  return code === 'engine_stopped' || code === 'engine_stalled';
}

/** What is done after an engine's first death. */
export const STARTED_ANEW =
  'It was started anew and the model opened again. Runs and finished exports stay. If it stops again, use fewer or shorter windows or a smaller model, or close other tabs.';

/** A panel; `page`: over the page's edge, for what no panel asked for. */
export type FailurePlace =
  | 'model'
  | 'texts'
  | 'device'
  | 'slice'
  | 'recipe'
  | 'target'
  | 'runs'
  | 'tasks'
  | 'speak'
  | 'tokens'
  | 'export'
  | 'hub'
  | 'page';

/** As the panels are headed. */
export const PLACE_NAMES: Readonly<Record<Exclude<FailurePlace, 'page'>, string>> = {
  model: 'Model',
  texts: 'Calibration',
  device: 'This device',
  slice: 'Slice',
  recipe: 'Recipe',
  target: 'Best model of a size',
  runs: 'Runs',
  tasks: 'Tasks',
  speak: 'Try it',
  tokens: 'Tokens under the microscope',
  export: 'Result',
  hub: 'Model',
};

const PLACES: Readonly<Record<JobKind, FailurePlace>> = {
  start: 'device',
  recover: 'page',
  discard: 'page',
  restore: 'model',
  open: 'model',
  download: 'hub',
  measure: 'texts',
  preview: 'slice',
  slice: 'slice',
  sweep: 'slice',
  recipe: 'recipe',
  examples: 'recipe',
  solve: 'target',
  imatrix: 'target',
  diff: 'runs',
  tasks: 'tasks',
  speak: 'speak',
  tokens: 'tokens',
  export: 'export',
};

export function placeOfFailure({ kind, command }: Pick<FailedJob, 'kind' | 'command'>): FailurePlace {
  // The model is open then; what it was measured with is what failed.
  if (kind === 'open' && command !== undefined && command !== 'open') return 'texts';
  return PLACES[kind];
}
