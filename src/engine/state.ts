/** @file What the engine remembers between commands. */
import type { Backend } from '../backend/backend.ts';
import type { DenseBases } from '../compress/slicegpt/rotate_once.ts';
import { WhittleError } from '../errors/errors.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import type { OpenModel } from '../models/open_model.ts';
import type { ScratchStore } from '../models/scratch.ts';
import type { TokenWindows } from '../runtime/windows.ts';
import type { ExportFolder } from './platform.ts';
import type { Fusion, ModelSummary, PerplexityReport, ProtocolReport, SliceReport } from './protocol.ts';
import type { ReportTimings } from './report.ts';

export interface OpenedModel {
  readonly open: OpenModel;
  readonly summary: ModelSummary;
}

export interface Texts {
  readonly calibration: TokenWindows;
  readonly evaluation: TokenWindows;
  readonly protocol: ProtocolReport;
}

export interface SlicedModel {
  readonly report: SliceReport;
  readonly model: DecoderModel;
  readonly scratch: ScratchStore;
  evaluation?: PerplexityReport;
  exported?: ExportFolder;
}

export interface Calibrated {
  readonly bases: DenseBases;
  readonly scratch: ScratchStore;
}

export class EngineState {
  backend?: Backend;
  opened?: OpenedModel;
  texts?: Texts;
  dense?: PerplexityReport;
  readonly calibrated = new Map<Fusion, Calibrated>();
  readonly slices = new Map<string, SlicedModel>();
  readonly timings: ReportTimings = emptyTimings();
  private nextId = 1;

  newId(): string {
    return `slice-${this.nextId++}`;
  }

  requireBackend(): Backend {
    return this.backend ?? missing('No backend was started.', 'start');
  }

  requireModel(): OpenedModel {
    return this.opened ?? missing('No model is open.', 'open');
  }

  requireTexts(): Texts {
    return this.texts ?? missing('No texts were set.', 'set_texts');
  }

  requireSlice(id: string): SlicedModel {
    return this.slices.get(id) ?? missing(`There is no sliced model "${id}".`, 'slice');
  }

  /** Adds the time of a job to a stage's total. */
  async timed<T>(stage: Exclude<keyof ReportTimings, 'total'>, job: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await job();
    } finally {
      const elapsed = performance.now() - started;
      this.timings[stage] += elapsed;
      this.timings.total += elapsed;
    }
  }

  /** Forgets what depends on the texts. */
  async dropMeasurements(): Promise<void> {
    this.dense = undefined;
    for (const { scratch } of this.calibrated.values()) await scratch.clear();
    this.calibrated.clear();
    for (const slice of this.slices.values()) slice.evaluation = undefined;
  }

  /** Forgets the model and everything made from it. */
  async dropModel(): Promise<void> {
    await this.dropMeasurements();
    for (const id of [...this.slices.keys()]) await this.dropSlice(id);
    this.opened = undefined;
    this.texts = undefined;
    Object.assign(this.timings, emptyTimings());
  }

  async dropSlice(id: string): Promise<void> {
    const slice = this.slices.get(id);
    this.slices.delete(id);
    await slice?.scratch.clear();
    await slice?.exported?.remove();
  }
}

function emptyTimings(): ReportTimings {
  return {
    load: 0,
    dense_evaluation: 0,
    calibration_and_slicing: 0,
    evaluation: 0,
    export: 0,
    verification: 0,
    total: 0,
  };
}

function missing(message: string, command: string): never {
  throw new WhittleError({ code: 'bad_option', message, action: `Send the command "${command}" first.` });
}
