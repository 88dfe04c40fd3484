/** @file What the engine remembers between commands. */
import type { Backend } from '../backend/backend.ts';
import type { DenseBases } from '../compress/slicegpt/rotate_once.ts';
import type { TrainedAdapter } from '../compress/train/trained_adapter.ts';
import { WhittleError } from '../errors/errors.ts';
import type { Task } from '../formats/tasks/task.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import type { OpenModel } from '../models/open_model.ts';
import type { ScratchStore } from '../models/scratch.ts';
import { type DiskTraffic, diskTraffic } from '../pulse/traffic.ts';
import type { DenseInputs } from '../runtime/compare.ts';
import type { TaskScore } from '../runtime/tasks/accuracy.ts';
import type { TokenWindows } from '../runtime/windows.ts';
import { Checkpoints } from './checkpoints.ts';
import type { OpenedExamples } from './examples/set_examples.ts';
import type { OpenedImportance } from './imatrix/set_imatrix.ts';
import type { SharedScratch } from './kept/kept_store.ts';
import type { ExportFolder } from './platform.ts';
import type { Fusion, ModelSummary, PerplexityReport, ProtocolReport, RunReport } from './protocol.ts';
import { type Stage, Stages } from './stages.ts';

export interface OpenedModel {
  readonly open: OpenModel;
  readonly summary: ModelSummary;
  /** Lets go of what kept its files from being deleted. */
  readonly release?: () => void;
}

export interface Texts {
  readonly calibration: TokenWindows;
  readonly evaluation: TokenWindows;
  readonly protocol: ProtocolReport;
}

/** A model that a recipe made. */
export interface MadeModel {
  readonly run: RunReport;
  /** What it was calibrated with: the texts may have changed since. */
  readonly calibration: ProtocolReport;
  readonly model: DecoderModel;
  /** What the last step learnt, where that can be exported alone. */
  readonly adapter?: TrainedAdapter | undefined;
  /** Its own. */
  readonly scratch: ScratchStore[];
  /** That it stands on, its own last pass included. */
  readonly stages?: readonly Stage[];
  evaluation?: { report: PerplexityReport; duration_ms: number };
  /** Of the tasks that are set. */
  scores?: readonly TaskScore[];
  /** By `exportKey`. */
  readonly exports: Map<string, ExportFolder>;
}

export interface Calibrated {
  readonly bases: DenseBases;
  readonly scratch: ScratchStore;
}

export class EngineState {
  backend?: Backend;
  opened?: OpenedModel;
  texts?: Texts;
  dense?: { report: PerplexityReport; duration_ms: number };
  /** They outlive the model. */
  tasks: readonly Task[] = [];
  /** Prompts with answers, by the file's name; they outlive the model. */
  examples: ReadonlyMap<string, OpenedExamples> = new Map();
  /** Of the open model itself. */
  denseScores?: readonly TaskScore[];
  /** Opened for the model at hand. */
  importance?: OpenedImportance;
  load_ms = 0;
  /** The largest answer of the browser since the model was opened. */
  peak_heap_bytes?: number;
  /** When the model began to be opened. */
  disk_before: DiskTraffic = diskTraffic();
  readonly calibrated = new Map<Fusion, Calibrated>();
  readonly runs = new Map<string, MadeModel>();
  readonly stages = new Stages();
  readonly checkpoints = new Checkpoints();
  /** What the dense head reads of the evaluation windows: every run is compared with it. */
  denseInputs?: DenseInputs;
  /** What a model's head read of the first evaluation windows, each (seqlen, d), by what was measured then; not of long windows. */
  readonly headInputs = new WeakMap<PerplexityReport, readonly Float32Array[]>();
  /** Exports of the open model itself, by `exportKey`. */
  readonly denseExports = new Map<string, ExportFolder>();
  /** How many engines this page had before; names of their runs are taken. */
  generation = 0;
  /** Scratch files of earlier engines that restored runs stand on. */
  shared?: SharedScratch;
  private nextId = 1;

  newId(): string {
    const serial = this.nextId++;
    return this.generation === 0 ? `run-${serial}` : `run-${this.generation}-${serial}`;
  }

  requireBackend(): Backend {
    return this.backend ?? missing('No backend was started.', 'start', 'Start one');
  }

  requireModel(): OpenedModel {
    return this.opened ?? missing('No model is open.', 'open', 'Open one');
  }

  requireTexts(): Texts {
    return this.texts ?? missing('No texts were set.', 'set_texts', 'Choose them');
  }

  requireRun(id: string): MadeModel {
    return this.runs.get(id) ?? missing(`There is no compressed model "${id}".`, 'compress', 'Make it');
  }

  /** Perplexity protocol of a target: a compressed model keeps the calibration that it was made with. */
  protocolOf(target: 'dense' | string): ProtocolReport {
    const { protocol } = this.requireTexts();
    if (target === 'dense') return protocol;
    const { calibration: made } = this.requireRun(target);
    const seqlen = made.seqlen === protocol.seqlen ? undefined : made.seqlen;
    return { ...protocol, samples: made.samples, calibration: { ...made.calibration, seqlen } };
  }

  /** Forgets what depends on the texts. */
  async dropMeasurements(): Promise<void> {
    this.dense = undefined;
    for (const { scratch } of this.calibrated.values()) await scratch.clear();
    this.calibrated.clear();
    await this.stages.dropIdle();
    await this.checkpoints.clear();
    await this.denseInputs?.clear();
    this.denseInputs = undefined;
    for (const run of this.runs.values()) run.evaluation = undefined;
    this.dropScores();
  }

  /** Forgets what tasks gave: they, or where texts begin with BOS, are others now. */
  dropScores(): void {
    this.denseScores = undefined;
    for (const run of this.runs.values()) run.scores = undefined;
  }

  /** Forgets the model and everything made from it. */
  async dropModel(): Promise<void> {
    await this.dropMeasurements();
    for (const id of [...this.runs.keys()]) await this.dropRun(id);
    await this.stages.dropIdle();
    await removeAll(this.denseExports);
    this.opened?.release?.();
    this.opened = undefined;
    this.texts = undefined;
    this.importance = undefined;
    this.load_ms = 0;
  }

  /** The same for a session that another engine will go on in: all that is stored of it stays. @param engines Of the next one. */
  leaveModel(engines: number): void {
    this.opened?.release?.();
    this.opened = undefined;
    this.texts = undefined;
    this.dense = undefined;
    this.importance = undefined;
    this.load_ms = 0;
    this.denseInputs?.kept.clear();
    this.denseInputs = undefined;
    this.shared = undefined;
    this.calibrated.clear();
    this.runs.clear();
    this.denseExports.clear();
    this.stages.forget();
    this.checkpoints.forget();
    this.generation = engines;
  }

  async dropRun(id: string): Promise<void> {
    const run = this.runs.get(id);
    this.runs.delete(id);
    for (const scratch of run?.scratch ?? []) await scratch.clear();
    await this.stages.release(run?.stages ?? []);
    if (run) await removeAll(run.exports);
  }
}

async function removeAll(exports: Map<string, ExportFolder>): Promise<void> {
  for (const folder of exports.values()) await folder.remove();
  exports.clear();
}

/** Reached by whoever drives the engine out of order, not by a click; the action names both. */
function missing(message: string, command: string, what: string): never {
  throw new WhittleError({ code: 'bad_option', message, action: `${what} first (command "${command}").` });
}
