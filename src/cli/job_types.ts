/** @file What the parts of the headless job hand to each other. */
import type { EngineEvent, ExportReport, TaskScore } from '../engine/protocol.ts';
import type { FailedExport, Report, RunInput } from '../engine/report.ts';
import type { ErrorData } from '../errors/errors.ts';
import type { Lane } from '../pulse/timeline.ts';
import type { Asked } from './ask.ts';
import type { Driver } from './browser.ts';
import type { CliOptions, ExportChoice } from './options.ts';
import type { InputSource, TextInput } from './page_protocol.ts';
import type { Stopwatch } from './stopwatch.ts';

export interface JobInputs {
  model: InputSource | { kind: 'hub_name'; name: string };
  /** Paths of the chosen model's files as the engine shall see them, its folder's name first. */
  paths: string[];
  calibration: TextInput;
  evaluation: TextInput;
  imatrix?: InputSource;
  tasks?: InputSource;
  /** Files that recipes name. */
  examples?: InputSource;
}

/** What a job tells while it runs. */
export interface JobObserver {
  /** `step` counts commands from 1; `label` is for people. */
  onStep(label: string, step: number, steps: number): void;
  onEvent(event: EngineEvent): void;
  /** A line that stays. */
  onFact?(line: string): void;
}

export interface JobResult {
  report: Report;
  /** Exports that were refused or failed verification; the job goes on with the next. */
  failures: ExportFailure[];
  /** What was done when, where a trace is wanted. */
  timeline?: readonly Lane[];
  /** What ended the job early, as it was thrown; the report then holds what was finished before. */
  stopped?: unknown;
}

export interface ExportFailure {
  /** Absent for an export of the model as it is, and of what a recipe made. */
  sparsity?: number;
  /** What was made, as text. */
  recipe?: string;
  choice: ExportChoice;
  error: ErrorData;
}

export interface RunningJob {
  options: CliOptions;
  driver: Driver;
  onEvent: (event: EngineEvent) => void;
  watch: Stopwatch;
  /** What every run is asked to write. */
  ask?: Asked;
  /** On the tasks, where there are some. */
  scored: (target: string) => Promise<TaskScore[]>;
  /** What is finished. */
  runs: RunInput[];
  dense_exports: Outcomes;
  failures: ExportFailure[];
}

export type Outcomes = (ExportReport | FailedExport)[];
