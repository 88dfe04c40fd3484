/** @file What the engine's commands give: models, measurements, runs, plans, exports. Part of `protocol.ts`, which has all of it. */
import type { SiteReport, UnitReport } from '../compress/method.ts';
import type { StepInput } from '../compress/recipe/recipe.ts';
import type { SlicegptOptions } from '../compress/slicegpt/method.ts';
import type { ModelShape, PartSizes } from '../compress/slicegpt/parts.ts';
import type { Fusion, HeadKind } from '../compress/slicegpt/plan.ts';
import type { WorstCertificate } from '../compress/slicegpt/verdict.ts';
import type { TrainingReport } from '../compress/train/report.ts';
import type { ErrorData } from '../errors/errors.ts';
import type { BosMode } from '../formats/tokenizer/bos.ts';
import type { DiskTraffic } from '../pulse/traffic.ts';
import type { DivergenceSummary } from '../runtime/divergence.ts';
import type { TaskScore } from '../runtime/tasks/accuracy.ts';
import type { PlannedFile } from './export/notes.ts';
import type { ExportFormat, ExportOptions, Precision } from './export/options.ts';
import type { PlannedMemory } from './memory_plan.ts';
import type { SolveReport } from './solve/solve_command.ts';
import type { RuntimeCheck } from './verify/builds.ts';

/** What config and headers say of a model; its tokenizer need not be read for it. */
export interface ModelFacts {
  name: string;
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
  shape: ModelShape;
  num_attention_heads: number;
  num_key_value_heads: number;
  head_dim: number;
  max_position_embeddings: number;
  tensors: { name: string; dtype: string; shape: readonly number[]; bytes: number }[];
  /** What was noticed but does not stop anything: unexpected tensors, ignored settings. */
  warnings: string[];
}

export interface ModelSummary extends ModelFacts {
  /** SHA-256 over names, sizes and samples of the files: whether others are the same model. */
  fingerprint: string;
  tokenizer: string;
  /** Whether the model has a chat template; absent: none. */
  has_chat_template?: boolean;
  /** Whether the tokenizer has a beginning-of-sequence token; absent: unknown. */
  has_bos?: boolean;
}

/** What a perplexity was measured with (invariant 8). */
export interface TextReport {
  name: string;
  /** Of the whole text; with `at_least` of its start, as far as windows needed it tokenised. */
  tokens: number;
  at_least?: boolean;
  /** Of the tokens of its windows, 16 digits of their SHA-256: texts of one name differ in it. Absent: an earlier version wrote none. */
  digest?: string;
}

/** Seconds on this device, as a trial foretells them. */
export interface MeasureTime {
  /** Perplexity of the dense model. */
  evaluation_s: number;
  /** The PCA of every site. */
  calibration_s: number;
}

export interface ProtocolReport {
  seqlen: number;
  samples: number;
  eval_samples: number;
  /** `seqlen` only where the model was calibrated with other windows than it is evaluated with. */
  calibration: TextReport & { seqlen?: number };
  evaluation: TextReport;
  /** Evaluation windows that are calibration windows too: they flatter every compressed model. Absent where there are none. */
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
  /** Of the evaluation's time, milliseconds that went into comparing it with the dense model. */
  comparison_ms?: number;
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

/** What a method that gives the residual stream another basis at every site says of them. */
export interface BasesReport {
  options: SlicegptOptions;
  head: HeadKind;
  /** That is kept at each site. */
  dimension: number;
  sites: SiteReport[];
  discarded_energy: number[];
  certificate: WorstCertificate;
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
  /** SHA-256 of what it was made with beside texts and recipe, by name: importance matrix, examples. Absent: nothing. */
  files?: Record<string, string>;
  steps: StepReport[];
  /** Bytes of the weights as the app holds them: floats in the model's own types. */
  stored_bytes: number;
  /** Bytes of its weights in a file of each precision: what no method packed follows it. */
  file_bytes: Record<Precision, number>;
  parts: PartSizes;
  /** Where the recipe is one step that changes the bases. */
  bases?: BasesReport;
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
  /** Most bytes of the browser's storage that the steps will have in use: weights, spilled states, bases, finished layers to go on behind. */
  storage_bytes: number;
  /** Peak of its costliest step; absent where neither texts nor windows are known. */
  memory?: PlannedMemory;
  /** Why the model does not permit a step: the others are planned as if it were not there. */
  refusals: { step: string; reason: string }[];
  /** A file that a step names and that was not given, or does not hold what the step needs. */
  lacks?: ErrorData;
  /** What a file in each of the formats that were asked for will be: sizes, and what it cannot hold. */
  files: PlannedFile[];
}

export interface ExportedFile {
  name: string;
  bytes: number;
  sha256: string;
}

export interface ExportReport {
  /** A run's, or `dense`. */
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
  /** Of the same numbers in the app; absent for the dense model as it is stored. */
  divergence?: DivergenceSummary;
  /** Over the logits of the first evaluation window; of its first half where a second runtime ran no more. */
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
   * Most memory of the page and its Workers, verification included, as the browser told it from time to time since the model
   * was opened; what threads share is in it once. Absent where it tells nothing, or has not answered yet.
   */
  peak_heap_bytes?: number;
  /** In answer to the command `memory`: since the model was opened. */
  disk?: DiskTraffic;
}
