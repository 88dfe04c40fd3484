/**
 * @file The typed protocol between a page and the engine Worker. A page sends one command at a time and receives events
 * until the result; errors cross as data. Nothing here holds a weight or a GPU object.
 */
import type { BackendInfo, BackendKind, MatmulChoice } from '../backend/backend.ts';
import type { SiteReport, UnitReport } from '../compress/method.ts';
import type { StepInput } from '../compress/recipe/recipe.ts';
import type { SlicegptOptions } from '../compress/slicegpt/method.ts';
import type { ModelShape, PartSizes } from '../compress/slicegpt/parts.ts';
import type { Fusion, HeadKind } from '../compress/slicegpt/plan.ts';
import type { WorstCertificate } from '../compress/slicegpt/verdict.ts';
import type { TrainingPoint, TrainingReport } from '../compress/train/report.ts';
import type { ErrorData } from '../errors/errors.ts';
import type { BosMode } from '../formats/tokenizer/bos.ts';
import type { HubCache, HubCacheEntry, HubChoice, HubKey, HubListing, HubPlan } from '../platform/hub/types.ts';
import type { Lane } from '../pulse/timeline.ts';
import type { DivergenceSummary } from '../runtime/divergence.ts';
import type { TaskScore } from '../runtime/tasks/accuracy.ts';
import type { DiffReport, DiffRequest } from './diff/diff_command.ts';
import type { TensorDifference } from './diff/tensor_diff.ts';
import type { ExamplesReport } from './examples/set_examples.ts';
import type { ExportFormat, ExportOptions, Precision } from './export/options.ts';
import type { ExportedChoice, GeneratedText, GenerateRequest } from './generate/generate_command.ts';
import type { TokenLosses, TokenLossesRequest } from './generate/losses_command.ts';
import type { Prompt } from './generate/prompt.ts';
import type { ImportanceReport } from './imatrix/set_imatrix.ts';
import type { ImatrixReport } from './imatrix/write_imatrix.ts';
import type { PlannedMemory } from './memory_plan.ts';
import type {
  CalibrationReport,
  ExportReport,
  MeasureTime,
  MemoryReport,
  ModelSummary,
  PerplexityReport,
  PlannedWindows,
  PlanReport,
  PlanRequest,
  ProtocolReport,
  RunReport,
  ScoreReport,
  SolvePlan,
  TaskReport,
} from './protocol_reports.ts';
import type { SolveReport, SolveTarget } from './solve/solve_command.ts';
import type { TextKind } from './texts/kinds.ts';

export type * from './protocol_events.ts';
export type * from './protocol_reports.ts';

/** Each command with its request and its result. */
export type {
  BackendInfo,
  BackendKind,
  BosMode,
  DiffReport,
  DiffRequest,
  DivergenceSummary,
  ExamplesReport,
  ExportedChoice,
  ExportFormat,
  ExportOptions,
  Fusion,
  GeneratedText,
  GenerateRequest,
  HeadKind,
  HubCache,
  HubCacheEntry,
  HubChoice,
  HubKey,
  HubListing,
  HubPlan,
  ImatrixReport,
  ImportanceReport,
  MatmulChoice,
  ModelShape,
  PartSizes,
  PlannedMemory,
  Precision,
  Prompt,
  SiteReport,
  SlicegptOptions,
  SolveReport,
  SolveTarget,
  StepInput,
  TaskScore,
  TensorDifference,
  TokenLosses,
  TokenLossesRequest,
  TrainingPoint,
  TrainingReport,
  UnitReport,
  WorstCertificate,
};

export interface Commands {
  /**
   * Chooses a backend. `auto` takes WebGPU where there is an adapter, else the CPU reference backend. The open model stays
   * open; what was measured and made is forgotten. With `timeline` the engine keeps what it does when, from here on.
   */
  start: { request: { backend: 'auto' | BackendKind; timeline?: boolean }; result: BackendInfo };
  /**
   * What was done when since a `start` with `timeline`, or since this with `record`: true begins anew, false ends it. It is answered
   * beside the job that runs.
   */
  timeline: { request: { record?: boolean }; result: Lane[] };
  /** Reads headers, config and tokenizer only; no weight is read. Replaces the open model. */
  open: {
    request: {
      source: ModelSource;
      /** The session to go on in; what the one at hand has stored then stays for another engine. Absent: the same. */
      session?: SessionRef;
      /** Throws `another_model` where the files are none with this fingerprint. */
      fingerprint?: { value: string; name: string };
    };
    result: ModelSummary;
  };
  /** Tokenises the texts and cuts windows. */
  set_texts: { request: TextSettings; result: ProtocolReport };
  /** Perplexity of the dense model (`target: 'dense'`) or of a compressed one (its id), window by window. */
  /** `quick`: perplexity and divergence alone, not how fast it gives one token after another. */
  evaluate: { request: { target: 'dense' | string; quick?: boolean }; result: PerplexityReport };
  /** Text that a model, or its exported file, writes behind a prompt; what is written comes as events. */
  generate: { request: GenerateRequest; result: GeneratedText };
  /** What a model gives each token of a text, after those before it. */
  token_losses: { request: TokenLossesRequest; result: TokenLosses };
  /** Reads multiple-choice tasks, of each the first `limit` examples where that is given; no files: there are none any more. */
  set_tasks: { request: { files: File[]; limit?: number }; result: TaskReport[] };
  /** Reads files of prompts with answers, which steps of a recipe name. `add`: beside those that are there; else no files: there are none any more. */
  set_examples: { request: { files: File[]; add?: boolean }; result: ExamplesReport[] };
  /** Accuracy of a model on the tasks that are set. */
  score: { request: { target: 'dense' | string }; result: ScoreReport };
  /** PCA of every site on the dense model: the spectra that the slider reads, and the bases of `rotate-once`. */
  calibrate: { request: { fusion: Fusion }; result: CalibrationReport };
  /** Makes a compressed model by a recipe, from the open one. */
  compress: { request: { steps: readonly StepInput[] }; result: RunReport };
  /** What a recipe will make of the open model: sizes, and what stands in its way. Computes nothing. */
  plan: { request: PlanRequest; result: PlanReport };
  /** What the search for the best recipe of a size will need. Computes nothing. */
  plan_solve: {
    request: { target: SolveTarget; format: ExportFormat; windows?: PlannedWindows };
    result: SolvePlan;
  };
  /** Finds the best recipes of a size; nothing is kept but their texts and figures. */
  solve: { request: { target: SolveTarget; format: ExportFormat }; result: SolveReport };
  /** Seconds that `solve` would take here and now, by doing a small part of it; null where a layer is too large to try. */
  solve_time: { request: { format: ExportFormat }; result: number | null };
  /** How long `evaluate` of the dense model and `calibrate` would take, from its first layers and one window. */
  measure_time: { request: Record<string, never>; result: MeasureTime };
  /** Seconds that `compress` would take, by trying it on the first layer for a few; null where that tells nothing. */
  recipe_time: { request: { steps: readonly StepInput[] }; result: number | null };
  /** Writes weights, tokenizer, config and report.json, and verifies them: ONNX in onnxruntime-web, others by opening them. */
  export: { request: { id: 'dense' | string; options?: Partial<ExportOptions> }; result: ExportReport };
  /** Writes the calibration text's importance matrix of the open model, for llama-quantize. */
  write_imatrix: { request: Record<string, never>; result: ImatrixReport };
  /** Takes an importance matrix in place of the calibration text's; null takes the text's again. */
  set_imatrix: { request: { file: File | null }; result: ImportanceReport | null };
  /**
   * After `open` and `set_texts` in a session's next engine: brings back the runs that are named, and what was measured of the
   * open model. Everything else that earlier engines of the session stored is removed.
   */
  restore: { request: RestoreRequest; result: RestoreReport };
  /** Tensors of two models by name: shapes, types, bytes, and how far one is from the other. Computes nothing else. */
  diff: { request: DiffRequest; result: DiffReport };
  /** Forgets a compressed model and frees its weights. */
  discard: { request: { id: string }; result: null };
  /** Bytes in use now and at the peak. */
  memory: { request: Record<string, never>; result: MemoryReport };
  /** Bytes that can be stored here, found by trying: at least `needed` where so many can; null where nobody knows. */
  room: { request: { needed: number }; result: number | null };
  /** Asks the Hub what a name stands for. This and `hub_download` alone go to the network, and only when they are sent. */
  hub_lookup: { request: { name: string }; result: HubListing };
  /** Brings a model's files to this device, or those that are missing. Cancelled or failed, it keeps what it has. */
  hub_download: { request: { plan: HubPlan }; result: null };
  /** Models on this device, the last used first. */
  hub_cache: { request: Record<string, never>; result: HubCache };
  /** Deletes downloaded models; one that is open or being downloaded is left, and the command fails. */
  hub_delete: { request: { keys: HubKey[] }; result: HubCache };
}

export type CommandKind = keyof Commands;

export type ModelSource =
  | { kind: 'demo' }
  /** `path` is the path inside the dropped folder, or the name. */
  | { kind: 'files'; files: { path: string; file: File }[] }
  /** A downloaded model: no request is made. */
  | { kind: 'hub'; key: HubKey };

/** `demo`: a built-in text; `of`: its kind, prose where there is none. */
export type TextSource =
  | { kind: 'demo'; of?: TextKind }
  | { kind: 'file'; file: File }
  | { kind: 'text'; name: string; text: string };

export interface TextSettings {
  calibration: TextSource;
  evaluation: TextSource;
  /** Windows used of each text, and their length in tokens. */
  samples: number;
  eval_samples: number;
  seqlen: number;
  /** Where windows begin with BOS; absent or `auto`: as family and tokenizer say. */
  bos?: BosMode | 'auto';
}

/** A session, and how many engines it has had before. */
export interface SessionRef {
  id: string;
  engines: number;
}

export interface RestoreRequest {
  /** Of runs that the page still shows. */
  runs: readonly string[];
  /** Folders of exports that the page offers, whoever made them. */
  keep_exports?: readonly string[];
}

export interface RestoreReport {
  /** Runs that can be measured and exported again. */
  restored: string[];
  /** Runs whose weights are not to be had, and why where anything is there of them. */
  lost: { id: string; error?: ErrorData }[];
  /** The job that was broken off, as far as its finished layers are stored; null where none was. */
  unfinished: Unfinished | null;
}

/** A job that can go on where it stopped. */
export interface Unfinished {
  steps: readonly StepInput[];
  /** Layers that are finished, of so many in the pass at hand. */
  layer: number;
  layers: number;
}
