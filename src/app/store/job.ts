/** @file The one job that may run, as a discriminated union, and the pure steps from one state to the next. */

import type { CommandKind, EngineEvent, MemoryReport, Stage } from '../../engine/protocol.ts';
import type { ErrorData } from '../../errors/errors.ts';
import type { Work } from './work.ts';

/** What the job was started for; decides what may replace it. */
export type JobKind =
  | 'start'
  | 'recover'
  | 'restore'
  | 'download'
  | 'open'
  | 'measure'
  | 'preview'
  | 'slice'
  | 'sweep'
  | 'recipe'
  | 'solve'
  | 'imatrix'
  | 'diff'
  | 'tasks'
  | 'examples'
  | 'export'
  | 'speak'
  | 'tokens'
  | 'discard';

export interface JobStep {
  command: CommandKind;
  /** For people: "Slice 25 %". */
  label: string;
}

export interface RunningJob {
  state: 'running';
  kind: JobKind;
  title: string;
  steps: readonly JobStep[];
  /** Which of `steps` runs, and how much of it is done (0 … 1). */
  index: number;
  fraction: number;
  stage?: Stage;
  layer?: number;
  layers?: number;
  /** What the running step measures: "dense" or a run's id. */
  evaluating?: string;
  /** For people: "MLP covariance". */
  step: string;
  tokens_per_second?: number;
  bytes_per_second?: number;
  /** Of the step that runs, as it was at `reported_at` (ms); between reports the page counts down by itself. */
  eta_seconds?: number;
  reported_at: number;
  memory?: MemoryReport;
  started_at: number;
  cancelling: boolean;
  /** What it makes, where it can be asked for again. */
  work?: Work;
}

export type JobState =
  | { state: 'idle' }
  | RunningJob
  | { state: 'finished'; kind: JobKind; title: string; outcome: 'done' | 'cancelled'; duration_ms: number }
  | { state: 'failed'; kind: JobKind; title: string; error: ErrorData };

/** A quick measure makes way for any other job; the rest have to end, or be cancelled, first. */
export function isReplaceable(job: JobState): boolean {
  return job.state !== 'running' || job.kind === 'preview';
}

/** Said by controls that would stop the job that runs. */
export const BUSY = 'A job is running: wait for its end, or cancel it';

export function startJob(kind: JobKind, title: string, steps: readonly JobStep[], now: number): RunningJob {
  return {
    state: 'running',
    kind,
    title,
    steps,
    index: 0,
    fraction: 0,
    step: steps[0]?.label ?? '',
    reported_at: now,
    started_at: now,
    cancelling: false,
  };
}

export function enterStep(job: JobState, index: number, evaluating?: string): JobState {
  if (job.state !== 'running') return job;
  const { stage: _, layer: __, layers: ___, tokens_per_second: ____, eta_seconds: _____, ...kept } = job;
  return { ...kept, index, evaluating, fraction: 0, step: job.steps[index]?.label ?? '' };
}

/** Without the steps of a command that turned out not to be needed; none of them may have begun. */
export function withoutSteps(job: JobState, command: CommandKind): JobState {
  return job.state === 'running' ? { ...job, steps: job.steps.filter((step) => step.command !== command) } : job;
}

export function applyProgress(job: JobState, event: Extract<EngineEvent, { type: 'progress' }>, now: number): JobState {
  if (job.state !== 'running') return job;
  const { type: _, ...progress } = event;
  const unset = { layer: undefined, layers: undefined, bytes_per_second: undefined, eta_seconds: undefined };
  return { ...job, ...unset, ...progress, reported_at: now };
}

/** Share of the whole job; steps count by how long such steps took before, or all alike while that is unknown. */
export function jobFraction(job: RunningJob, durations: StepDurations): number {
  const weights = job.steps.map((step) => durations[step.command] ?? null);
  const known = weights.every((weight) => weight !== null);
  const weightOf = (index: number) => (known ? (weights[index] as number) : 1);
  let done = 0;
  let all = 0;
  for (let index = 0; index < job.steps.length; index++) {
    all += weightOf(index);
    if (index < job.index) done += weightOf(index);
    else if (index === job.index) done += weightOf(index) * job.fraction;
  }
  return all > 0 ? Math.min(1, done / all) : 0;
}

/** How long a step of each kind took last, in ms. */
export type StepDurations = Partial<Record<CommandKind, number>>;

/**
 * Seconds left in the whole job where every step to come has been timed before, else in this step alone. Nothing while
 * nothing is known: no guess is shown as an ETA.
 */
export function jobEta(
  job: RunningJob,
  durations: StepDurations,
  now: number,
): { seconds: number; of: 'job' | 'step' } | null {
  if (job.eta_seconds === undefined) return null;
  const here = Math.max(0, job.eta_seconds - Math.max(0, now - job.reported_at) / 1000);
  const rest = job.steps.slice(job.index + 1).map((step) => durations[step.command]);
  if (rest.some((duration) => duration === undefined)) return { seconds: here, of: 'step' };
  const later = rest.reduce<number>((sum, duration) => sum + (duration as number) / 1000, 0);
  return { seconds: here + later, of: 'job' };
}
