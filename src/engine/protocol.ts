/**
 * @file The typed protocol between a page and the engine Worker. A page sends one command at a time and receives events
 * until the result; errors cross as data. Nothing here holds a weight or a GPU object.
 */
import type { BackendInfo, BackendKind, MatmulChoice } from '../backend/backend.ts';
import type { SiteReport, UnitReport } from '../compress/method.ts';
import type { StepInput } from '../compress/recipe/recipe.ts';
import type { ModelShape, PartSizes } from '../compress/slicegpt/parts.ts';
import type { Fusion, HeadKind, Schedule } from '../compress/slicegpt/plan.ts';
import type { WorstCertificate } from '../compress/slicegpt/verdict.ts';
import type { TrainingPoint, TrainingReport } from '../compress/train/report.ts';
import type { ErrorData } from '../errors/errors.ts';
import type { BosMode } from '../formats/tokenizer/bos.ts';
import type { HubCache, HubCacheEntry, HubChoice, HubKey, HubListing, HubPlan } from '../platform/hub/types.ts';
import type { Span } from '../pulse/timeline.ts';
import type { DivergenceSummary } from '../runtime/divergence.ts';
import type { TaskScore } from '../runtime/tasks/accuracy.ts';
import type { DiffReport, DiffRequest } from './diff/diff_command.ts';
import type { TensorDifference } from './diff/tensor_diff.ts';
import type { PlannedFile } from './export/notes.ts';
import type { ExportFormat, ExportOptions, Precision } from './export/options.ts';
import type { ExportedChoice, GeneratedText, GenerateRequest } from './generate/generate_command.ts';
import type { TokenLosses, TokenLossesRequest } from './generate/losses_command.ts';
import type { Prompt } from './generate/prompt.ts';
import type { ImportanceReport } from './imatrix/set_imatrix.ts';
import type { ImatrixReport } from './imatrix/write_imatrix.ts';
import type { PlannedMemory } from './memory_plan.ts';
import type { SolveReport, SolveTarget } from './solve/solve_command.ts';
import type { RuntimeCheck } from './verify/builds.ts';

/** Each command with its request and its result. */
export type {
  BackendInfo,
  BackendKind,
  BosMode,
  DiffReport,
  DiffRequest,
  DivergenceSummary,
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
  Schedule,
  SiteReport,
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
   * open; what was measured and sliced is forgotten. With `timeline` the engine keeps what it does when, from here on.
   */
  start: { request: { backend: 'auto' | BackendKind; timeline?: boolean }; result: BackendInfo };
  /** What was done when since a `start` with `timeline`. */
  timeline: { request: Record<string, never>; result: Span[] };
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
  /** Accuracy of a model on the tasks that are set. */
  score: { request: { target: 'dense' | string }; result: ScoreReport };
  /** PCA of every site on the dense model: the spectra that the slider reads, and the bases of `rotate-once`. */
  calibrate: { request: { fusion: Fusion }; result: CalibrationReport };
  /** Makes a sliced model. `rotate-once` calibrates first if that has not been done. */
  slice: { request: SliceOptions; result: SlicedRun };
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

/** `demo` takes the built-in texts. */
export type TextSource = { kind: 'demo' } | { kind: 'file'; file: File } | { kind: 'text'; name: string; text: string };

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

export interface SliceOptions {
  /** Share of the hidden size to remove, 0 ≤ s < 1. */
  sparsity: number;
  /** The dimension is rounded down to a multiple of this. */
  round: number;
  schedule: Schedule;
  fusion: Fusion;
  head: HeadKind | 'auto';
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
  job: { kind: 'slice'; options: SliceOptions } | { kind: 'compress'; steps: readonly StepInput[] };
  /** Layers that are finished, of so many in the pass at hand. */
  layer: number;
  layers: number;
}

export interface ModelSummary {
  name: string;
  /** SHA-256 over names, sizes and samples of the files: whether others are the same model. */
  fingerprint: string;
  /** For people: "LlamaForCausalLM". */
  architecture: string;
  /** The family as the config names it: "llama", "gpt_neox". */
  model_type: string;
  norm: 'rms_norm' | 'layer_norm';
  /** For people: "rotary", "rotary, 32 of 80", "learned", "ALiBi". */
  positions: string;
  parameters: number;
  bytes: number;
  /** As {@link ModelSizes} count them. */
  multiplications_per_token: number;
  /** Stored type of the weights; several are joined: "F16 + F32". */
  dtype: string;
  files: { name: string; bytes: number }[];
  tokenizer: string;
  /** Whether the model has a chat template; absent: none. */
  has_chat_template?: boolean;
  /** Whether the tokenizer has a beginning-of-sequence token; absent: unknown. */
  has_bos?: boolean;
  shape: ModelShape;
  num_attention_heads: number;
  num_key_value_heads: number;
  head_dim: number;
  max_position_embeddings: number;
  tensors: { name: string; dtype: string; shape: readonly number[]; bytes: number }[];
  /** What was noticed but does not stop anything: unexpected tensors, ignored settings. */
  warnings: string[];
}

/** What a perplexity was measured with (invariant 8). */
export interface TextReport {
  name: string;
  /** Of the whole text; with `at_least` of its start, as far as windows needed it tokenised. */
  tokens: number;
  at_least?: boolean;
}

export interface ProtocolReport {
  seqlen: number;
  samples: number;
  eval_samples: number;
  /** `seqlen` only where the model was calibrated with other windows than it is evaluated with. */
  calibration: TextReport & { seqlen?: number };
  evaluation: TextReport;
  /** Evaluation windows that are calibration windows too: they flatter the sliced model. Absent where there are none. */
  shared_windows?: number;
  /** Where windows of both texts begin with BOS. */
  bos: BosMode;
  tokenizer: string;
}

export interface PerplexityReport {
  target: 'dense' | string;
  perplexity: number;
  /** Standard error of the mean loss over windows, as a factor: perplexity × (1 ± this). Null for one window. */
  relative_spread: number | null;
  tokens_per_second: number;
  tokens: number;
  window_losses: number[];
  /** One token after another, weights on the device; measured of runs of recipes. */
  decode_tokens_per_second?: number;
  /** How far its predictions are from the dense model's; absent for the dense model. */
  divergence?: DivergenceSummary;
  protocol: ProtocolReport;
}

/** A model's accuracies on the tasks that are set, in their order. */
export interface ScoreReport {
  target: 'dense' | string;
  tasks: TaskScore[];
}

/** A file of multiple-choice examples. */
export interface TaskReport {
  /** The file's name without its ending. */
  task: string;
  /** "piqa", "arc", "hellaswag", "winogrande". */
  form: string;
  examples: number;
}

export interface CalibrationReport {
  fusion: Fusion;
  sites: SiteReport[];
  duration_ms: number;
}

export interface SliceReport {
  id: string;
  options: SliceOptions;
  head: HeadKind;
  dimension: number;
  parameters: number;
  /** Bytes of the stored weights. */
  bytes: number;
  parts: PartSizes;
  sites: SiteReport[];
  discarded_energy: number[];
  certificate: WorstCertificate;
  duration_ms: number;
  /** Why it will not outlive this engine; absent where it will. */
  unkept?: ErrorData;
}

/** The same as a run of a recipe of one step beside it. */
export interface SlicedRun extends SliceReport {
  run: RunReport;
}

/** Sizes of a model, made or planned. */
export interface ModelSizes {
  /** Numbers that are stored; of a pruned matrix those that are kept. */
  parameters: number;
  /** Packed weights as they are packed, every float as float16. */
  bytes: number;
  /** 8 · bytes / parameters of the dense model. */
  bits_per_weight: number;
  /** Multiplications of weights with activations for one token, zeros not counted. */
  multiplications_per_token: number;
}

/** One step of a recipe, done. */
export interface StepReport {
  method: string;
  options: Readonly<Record<string, unknown>>;
  /** Zero for one that ran within another's pass. */
  seconds: number;
  /** What was lost where: of each linear or table that the step changed. */
  units: UnitReport[];
  /** Mean of the units' errors; absent without units. */
  error?: number;
  /** Of the bases; absent where the method has none. */
  certificate?: WorstCertificate;
  /** Of a step that trains: its curve, and how it ended. */
  training?: TrainingReport;
}

export interface RunReport extends ModelSizes {
  id: string;
  /** As text. */
  recipe: string;
  /** File of the importance matrix that stood in the place of the calibration text's. */
  imatrix?: string;
  steps: StepReport[];
  /** Bytes of the weights as the app holds them: floats in the model's own types. */
  stored_bytes: number;
  /** Bytes of its weights in a file of each precision: what no method packed follows it. */
  file_bytes: Record<Precision, number>;
  parts: PartSizes;
  /** Where the recipe is one slicing: what only slicing has. */
  slice?: SliceReport;
  /** Where the recipe was found for a size. */
  solver?: SolveReport;
  duration_ms: number;
  /** Why it will not outlive this engine; absent where it will. */
  unkept?: ErrorData;
}

export interface PlanRequest {
  readonly steps: readonly StepInput[];
  /** That are asked what they will make of it. */
  readonly formats?: readonly ExportFormat[];
  /** For its memory, where texts are not chosen yet, or others will be. */
  readonly windows?: PlannedWindows;
}

export interface PlannedWindows {
  readonly seqlen: number;
  readonly samples: number;
  readonly eval_samples: number;
}

export interface SolvePlan {
  target_bytes: number;
  /** Bytes of the smallest model that the format can hold. */
  smallest_bytes: number;
  memory?: PlannedMemory;
}

export interface PlanReport extends ModelSizes {
  recipe: string;
  /** Sizes after each pass. */
  steps: ({ recipe: string } & ModelSizes)[];
  /** As in {@link RunReport}. */
  file_bytes: Record<Precision, number>;
  /** Most bytes of the browser's storage that the steps will write. */
  storage_bytes: number;
  /** Peak of its costliest step; absent where neither texts nor windows are known. */
  memory?: PlannedMemory;
  /** Why the model does not permit a step: the others are planned as if it were not there. */
  refusals: { step: string; reason: string }[];
  /** What a file in each of the formats that were asked for will be: sizes, and what it cannot hold. */
  files: PlannedFile[];
}

export interface ExportedFile {
  name: string;
  bytes: number;
  sha256: string;
}

export interface ExportReport {
  /** The sliced model, or `dense`. */
  id: 'dense' | string;
  options: ExportOptions;
  /** OPFS folder (from the origin's root) that holds the files. */
  folder: string;
  files: ExportedFile[];
  verified: boolean;
  /** Of exactly these files: an ONNX model's by onnxruntime-web, other formats' by Whittle, which opened them again. */
  perplexity: number;
  /** Of the same numbers in the app: the chart's, or measured anew where the precision is another. */
  perplexity_in_app: number;
  /** Over the logits of the first evaluation window. */
  max_abs_logit_difference: number;
  /** Other people's programs that ran the files, with what they agreed in; none for formats that Whittle opened again. */
  runtimes: RuntimeCheck[];
  /** ONNX: the oldest version of ONNX Runtime that runs the files, "1.23". */
  needs_onnxruntime?: string;
  /** What a person must know before they run the files elsewhere, each a sentence. */
  notes: string[];
  duration_ms: { export: number; verification: number };
}

export interface MemoryReport {
  /** Counted, of the backend's tensors and buffers: on the device, or on the CPU backend in the engine's own memory. */
  current_gpu_bytes: number;
  peak_gpu_bytes: number;
  /**
   * Most memory of the page and its Workers, as the browser told it from time to time since the model was opened, without
   * what threads share. Absent where it tells nothing, or has not answered yet.
   */
  peak_heap_bytes?: number;
}

export type Stage =
  | 'download'
  | 'loading'
  | 'dense_evaluation'
  | 'calibration'
  /** A method's own work, whichever it is. */
  | 'compression'
  /** For the best recipe of a size. */
  | 'search'
  | 'evaluation'
  | 'generation'
  /** Multiple-choice tasks. */
  | 'tasks'
  | 'export'
  | 'verification';

export type EngineEvent =
  | {
      type: 'progress';
      stage: Stage;
      /** 0 … 1 of this command. */
      fraction: number;
      layer?: number;
      layers?: number;
      /** For people: "MLP covariance". */
      step: string;
      /** Tokens through a layer (or windows' tokens through the model) per second; absent before it is known. */
      tokens_per_second?: number;
      /** Of a download, in place of tokens. */
      bytes_per_second?: number;
      eta_seconds?: number;
      memory: MemoryReport;
    }
  | {
      type: 'window';
      target: 'dense' | string;
      index: number;
      count: number;
      /** Mean loss of this window, in nats per token. */
      loss: number;
      /** exp(mean loss so far), and its spread as in {@link PerplexityReport}. */
      perplexity: number;
      relative_spread: number | null;
    }
  /** The next piece of a text that is being written: whole characters. */
  | { type: 'text'; target: 'dense' | string; file?: ExportedChoice; piece: string }
  | { type: 'site'; schedule: Schedule; site: SiteReport }
  /** A step that trains measured its held-out windows. `step` is that of the recipe, as text; `steps` how many the training takes. */
  | { type: 'training'; step: string; steps: number; point: TrainingPoint };

/** Page → Worker. */
export type ToEngine =
  /**
   * First message: where the app's own files (the built-in model) lie, which Hub to ask when the person asks, whose storage
   * to work in, how many engines this page had before, and where to beat (`src/pulse`).
   */
  | {
      type: 'init';
      base: string;
      hub_endpoint: string;
      session: string;
      generation: number;
      pulse?: SharedArrayBuffer;
    }
  | { [K in CommandKind]: { type: 'command'; id: number; kind: K; request: Commands[K]['request'] } }[CommandKind]
  | { type: 'cancel'; id: number }
  /** The memory of page and Workers, which only a page can ask for. */
  | { type: 'heap'; bytes: number };

/** Worker → page. */
export type FromEngine =
  /** The Worker's event loop turns; the first names the Web Lock that the Worker holds while it lives. */
  | { type: 'alive'; lock?: string }
  /** Nothing may be heard for so many seconds; 0: as usual again. */
  | { type: 'quiet'; seconds: number }
  /** Addresses at other origins that one of the engine's threads asked for: none but those of a download asked for. */
  | { type: 'outside_requests'; urls: string[]; asked_for: boolean }
  | { type: 'event'; id: number; event: EngineEvent }
  | { type: 'result'; id: number; result: Commands[CommandKind]['result'] }
  | { type: 'error'; id: number; error: ErrorData };
