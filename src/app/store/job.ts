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
  | {
      state: 'failed';
      kind: JobKind;
      title: string;
      error: ErrorData;
      /** That failed; absent where none had begun. */
      command?: CommandKind;
      /** The person has read it. */
      is_dismissed?: boolean;
    };

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

/** How long commands take beside each other, roughly: an evaluation of the model is 1. */
const USUAL: Partial<Record<CommandKind, number>> = {
  ...{ open: 0.05, set_texts: 0.05, measure_time: 0.1, evaluate: 1, calibrate: 1.5, compress: 2 },
  ...{ solve: 10, export: 2 },
};

/** How long a step of each kind took last, in ms. */
export type StepDurations = Partial<Record<CommandKind, number>>;

/** Of each step in ms: as it took last, or as such steps usually compare with one whose time is known; the second says which. */
function stepTimes({ steps, index, eta_seconds, fraction }: RunningJob, durations: StepDurations) {
  const usual = steps.map(({ command }) => USUAL[command] ?? 1);
  const known = steps.map(({ command }) => durations[command]);
  // What runs now tells most of what comes.
  if (known[index] === undefined && eta_seconds !== undefined && fraction < 1) {
    known[index] = (1000 * eta_seconds) / (1 - fraction);
  }
  const told = known.flatMap((time, at) => (time === undefined ? [] : [{ time, usual: usual[at] }]));
  const sum = (key: 'time' | 'usual') => told.reduce((all, each) => all + each[key], 0);
  const scale = told.length > 0 ? sum('time') / sum('usual') : 1;
  return known.map((time, at) => ({ time: time ?? usual[at] * scale, isGuess: time === undefined }));
}

/** Share of the whole job; steps count by how long they take. */
export function jobFraction(job: RunningJob, durations: StepDurations): number {
  const times = stepTimes(job, durations).map(({ time }) => time);
  const all = times.reduce((sum, time) => sum + time, 0);
  const before = times.slice(0, job.index).reduce((sum, time) => sum + time, 0);
  const done = before + (times[job.index] ?? 0) * job.fraction;
  return all > 0 ? Math.min(1, done / all) : 0;
}

/**
 * Seconds left in the whole job; a guess where a step to come was never timed here. Nothing while nothing is known of the step
 * that runs.
 */
export function jobEta(
  job: RunningJob,
  durations: StepDurations,
  now: number,
): { seconds: number; isGuess: boolean } | null {
  if (job.eta_seconds === undefined) return null;
  const here = Math.max(0, job.eta_seconds - Math.max(0, now - job.reported_at) / 1000);
  const rest = stepTimes(job, durations).slice(job.index + 1);
  const later = rest.reduce((sum, { time }) => sum + time / 1000, 0);
  return { seconds: here + later, isGuess: rest.some(({ isGuess }) => isGuess) };
}

/** For people: which run, which step of it, which layer. */
export function jobText(job: RunningJob, stage: string | null): string {
  const { title, steps, index, layer, layers, step } = job;
  const label = steps[index]?.label ?? '';
  const isNamed = label !== '' && label !== title && !label.includes(title);
  const parts = [
    shortened(title),
    steps.length > 1 ? `${isNamed ? `${shortened(label)}, ` : ''}${index + 1} of ${steps.length}` : stage,
    layer !== undefined && layers ? `layer ${Math.min(layer + 1, layers)} of ${layers}` : null,
    step === label || step === title ? null : step,
  ];
  return parts.filter(Boolean).join(' · ');
}

/** Of a title, which may be a whole recipe. */
const MOST_SHOWN = 48;

function shortened(text: string): string {
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 1)}…` : text;
}
