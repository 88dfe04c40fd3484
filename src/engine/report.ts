/**
 * @file `report.json`: what a run did and measured, with the protocol of every perplexity (invariant 8). A pure function
 * of the engine's results, used for the report inside each export and for the one of the headless command.
 */
import { constantDimensions } from '../compress/slicegpt/plan.ts';
import type { DiskTraffic } from '../pulse/traffic.ts';
import type { Accuracy } from '../runtime/tasks/accuracy.ts';
import { type ExportOptions, isOnnxFormat } from './export/options.ts';
import { estimateJob, type PlannedMemory, type PlannedSlice, worstMemory } from './memory_plan.ts';
import type {
  BackendInfo,
  BasesReport,
  BosMode,
  ExportReport,
  GeneratedText,
  MatmulChoice,
  MemoryReport,
  ModelSummary,
  PerplexityReport,
  ProtocolReport,
  RunReport,
  TaskScore,
  WorstCertificate,
} from './protocol.ts';
import { type RunFigures, runSummary } from './report_runs.ts';
import { type SiteSummary, siteSummary } from './report_sites.ts';
import { type PromptFigures, type TextFigures, textFigures } from './report_texts.ts';
import type { RuntimeCheck } from './verify/builds.ts';

export type { Accuracy as TaskAccuracy };

/** The file's own name; it cannot list its own hash. */
export const REPORT_FILE = 'report.json';

/** Milliseconds. */
export interface StageTimings {
  load: number;
  dense_evaluation: number;
  /** Calibrating, searching and making, by whichever methods. */
  compression: number;
  evaluation: number;
  export: number;
  verification: number;
  total: number;
}

export interface ReportTimings extends StageTimings {
  /** What `compression` was called when there was one method. */
  calibration_and_slicing: number;
}

/** An export that failed: what was written of it was removed. */
export interface FailedExport {
  options: Pick<ExportOptions, 'format' | 'precision'>;
  /** Why. */
  error: string;
}

export interface RunInput {
  run: RunReport;
  evaluation: PerplexityReport;
  /** Behind the prompt, where there is one. */
  text?: GeneratedText;
  tasks?: readonly TaskScore[];
  /** In the order they were asked for. */
  exports?: readonly (ExportReport | FailedExport)[];
}

export interface ReportInput {
  summary: ModelSummary;
  protocol: ProtocolReport;
  backend: BackendInfo;
  dense: PerplexityReport;
  /** What was asked of every model, and what the dense one wrote. */
  prompt?: { text: string; is_chat: boolean; max_tokens: number; dense: GeneratedText };
  dense_tasks?: readonly TaskScore[];
  /** Exports of the open model itself. */
  dense_exports?: readonly (ExportReport | FailedExport)[];
  runs: RunInput[];
  timings_ms: StageTimings;
  memory: MemoryReport;
  /** Of recipes and of the search for one. */
  planned?: readonly PlannedMemory[];
  /** Whether the dense model was calibrated as well (spectra, bases of `rotate-once`): the peak of memory may be of that. */
  is_calibrated?: boolean;
}

export interface Report {
  model: {
    name: string;
    architecture: string;
    hidden_size: number;
    layers: number;
    parameters: number;
    bytes: number;
    dtype: string;
  };
  /** What opening the model found odd: tensors left out, settings that are not obeyed. Empty where there is none. */
  warnings: string[];
  protocol: {
    seqlen: number;
    samples: number;
    eval_samples: number;
    calibration: string;
    calibration_tokens: number;
    /** The text was tokenised only as far as its windows needed it. */
    calibration_tokens_at_least?: boolean;
    evaluation: string;
    evaluation_tokens: number;
    evaluation_tokens_at_least?: boolean;
    /** Evaluation windows that were calibrated on; absent where there are none. */
    shared_windows?: number;
    /** `none`, `first` (once before the text), `each` (before every window). */
    bos: BosMode;
    tokenizer: string;
  };
  backend: {
    kind: string;
    vendor: string;
    architecture: string;
    description: string;
    is_fallback_adapter: boolean;
    /** The kernel that took large products, and why; only of WebGPU. */
    matmul_variant?: MatmulChoice;
  };
  /** What every model wrote behind, where that was asked for. */
  prompt?: PromptFigures;
  dense: {
    perplexity: number;
    /** Null where one window was evaluated: that has no standard error. */
    relative_spread: number | null;
    parameters: number;
    bytes: number;
    multiplications_per_token: number;
    tokens_per_second: number;
    /** One token after another. */
    decode_tokens_per_second?: number;
    /** Behind the prompt. */
    text?: TextFigures;
    /** Multiple-choice tasks; absent where none was given. */
    tasks?: readonly TaskScore[];
    /** Absent where there is none. */
    exports?: ExportSummary[];
  };
  /** What was made, one entry a recipe. */
  runs: RunSummary[];
  /** Those of them that are one slicing, with what only slicing has. */
  sliced: SlicedReport[];
  timings_ms: ReportTimings;
  memory: {
    /** Most memory of the backend's tensors at once since the model was opened: the device's, or on the CPU backend the host's. */
    peak_gpu_bytes: number;
    /** Of the page and its Workers, as the browser told it from time to time; absent where it told nothing. */
    peak_heap_bytes?: number;
    /** Bytes moved from and to disk since the model was opened. */
    disk?: DiskTraffic;
    /** What was to be expected of these settings, and what of. */
    estimated_gpu_bytes: number;
    estimated_breakdown: Record<string, number>;
  };
}

export interface SlicedReport {
  sparsity: number;
  dimension: number;
  round: number;
  schedule: string;
  fusion: string;
  head: string;
  perplexity: number;
  relative_spread: number | null;
  parameters: number;
  bytes: number;
  tokens_per_second: number;
  discarded_energy: number[];
  certificate: WorstCertificate;
  /** The same for each place of the residual stream, in order. */
  sites: SiteSummary[];
  /** Multiple-choice tasks; absent where none was given. */
  tasks?: readonly TaskScore[];
  /** The first ONNX export; absent where the model was not to be exported. */
  onnx?: OnnxReport;
  /** All of them, whatever the format; absent where there is none. */
  exports?: ExportSummary[];
}

export interface RunSummary extends RunFigures {
  /** Behind the prompt. */
  text?: TextFigures;
  /** Multiple-choice tasks; absent where none was given. */
  tasks?: readonly TaskScore[];
  /** Absent where there is none. */
  exports?: ExportSummary[];
}

/** One export. */
export interface ExportSummary extends OnnxReport {
  format: string;
  precision: string;
}

export interface OnnxReport {
  /** None where the export failed: what was written of it was removed. */
  files: { name: string; bytes: number; sha256: string }[];
  verified: boolean;
  /** Null where the export failed. */
  perplexity: number | null;
  max_abs_logit_difference: number | null;
  /** Where the files ran; absent where only Whittle opened them again, or nothing did. */
  runtimes?: RuntimeCheck[];
  /** ONNX: the oldest version of ONNX Runtime that runs the files. */
  needs_onnxruntime?: string;
  /** What a person must know before they run the files elsewhere. */
  notes?: string[];
  /** Why the export failed. */
  error?: string;
}

export function buildReport(input: ReportInput): Report {
  const { summary, protocol, backend, dense, memory } = input;
  const { matmul_variant } = backend.capabilities ?? {};
  return {
    model: {
      name: summary.name,
      architecture: summary.architecture,
      hidden_size: summary.shape.hidden_size,
      layers: summary.shape.num_hidden_layers,
      parameters: summary.parameters,
      bytes: summary.bytes,
      dtype: summary.dtype,
    },
    warnings: [...summary.warnings],
    protocol: {
      seqlen: protocol.seqlen,
      samples: protocol.samples,
      eval_samples: protocol.eval_samples,
      calibration: protocol.calibration.name,
      calibration_tokens: protocol.calibration.tokens,
      ...(protocol.calibration.at_least && { calibration_tokens_at_least: true }),
      evaluation: protocol.evaluation.name,
      evaluation_tokens: protocol.evaluation.tokens,
      ...(protocol.evaluation.at_least && { evaluation_tokens_at_least: true }),
      ...(protocol.shared_windows && { shared_windows: protocol.shared_windows }),
      bos: protocol.bos,
      tokenizer: protocol.tokenizer,
    },
    backend: {
      kind: backend.kind,
      vendor: backend.vendor,
      architecture: backend.architecture,
      description: backend.description,
      is_fallback_adapter: backend.isFallbackAdapter,
      ...(matmul_variant && { matmul_variant }),
    },
    ...(input.prompt && { prompt: promptFigures(input.prompt) }),
    dense: {
      perplexity: dense.perplexity,
      relative_spread: dense.relative_spread,
      parameters: summary.parameters,
      bytes: summary.bytes,
      multiplications_per_token: summary.multiplications_per_token,
      tokens_per_second: dense.tokens_per_second,
      ...(dense.decode_tokens_per_second !== undefined && { decode_tokens_per_second: dense.decode_tokens_per_second }),
      ...(input.prompt && { text: textFigures(input.prompt.dense) }),
      ...scores(input.dense_tasks),
      ...exportSummaries(input.dense_exports),
    },
    runs: input.runs.map((run) => ({
      ...runSummary(run, dense.perplexity),
      ...(run.text && { text: textFigures(run.text, input.prompt?.dense) }),
      ...scores(run.tasks),
      ...exportSummaries(run.exports),
    })),
    sliced: input.runs.flatMap((run) => (run.run.bases ? slicedReport(run, run.run.bases) : [])),
    timings_ms: { ...input.timings_ms, calibration_and_slicing: input.timings_ms.compression },
    memory: { ...measuredPeaks(memory), ...estimate(input) },
  };
}

function promptFigures({ dense: { prompt, prompt_tokens, sampling }, ...asked }: NonNullable<ReportInput['prompt']>) {
  const { text, is_chat, max_tokens } = asked;
  return { text, is_chat, given: prompt, tokens: prompt_tokens, max_tokens, sampling };
}

function measuredPeaks({ peak_gpu_bytes, peak_heap_bytes, disk }: MemoryReport) {
  return { peak_gpu_bytes, ...(peak_heap_bytes !== undefined && { peak_heap_bytes }), ...(disk && { disk }) };
}

function estimate({ summary: { shape }, protocol, backend, runs, is_calibrated, planned = [] }: ReportInput) {
  const rebased = runs.flatMap(({ run }) => run.bases ?? []);
  const slices: PlannedSlice[] = rebased.map(({ dimension, head, options }) => ({
    schedule: options.schedule,
    head,
    dimensions: constantDimensions(shape, dimension, head),
  }));
  const whole = { head: 'untied', dimensions: constantDimensions(shape, shape.hidden_size, 'untied') } as const;
  if (is_calibrated) slices.push({ ...(slices[0] ?? whole), schedule: 'rotate-once' });
  const { device_bytes, breakdown } = worstMemory([
    estimateJob({ shape, backend, windows: protocol, slices }),
    ...planned,
  ]);
  return { estimated_gpu_bytes: device_bytes, estimated_breakdown: { ...breakdown } };
}

/** A run of one `slicegpt` step as reports had it when there was no other. */
function slicedReport(input: RunInput, bases: BasesReport): SlicedReport {
  const { run, evaluation } = input;
  const onnx = onnxReport(input);
  return {
    sparsity: bases.options.sparsity,
    dimension: bases.dimension,
    round: bases.options.round,
    schedule: bases.options.schedule,
    fusion: bases.options.fusion,
    head: bases.head,
    perplexity: evaluation.perplexity,
    relative_spread: evaluation.relative_spread,
    parameters: run.parameters,
    bytes: run.stored_bytes,
    tokens_per_second: evaluation.tokens_per_second,
    discarded_energy: bases.discarded_energy,
    certificate: bases.certificate,
    sites: bases.sites.map(siteSummary),
    ...scores(input.tasks),
    ...(onnx && { onnx }),
    ...exportSummaries(input.exports),
  };
}

function onnxReport({ exports = [] }: RunInput): OnnxReport | undefined {
  const exported = exports.find(({ options }) => isOnnxFormat(options.format));
  if (!exported) return undefined;
  const { format: _format, precision: _precision, ...onnx } = summaryOf(exported);
  return onnx;
}

function scores(tasks: readonly TaskScore[] = []): { tasks?: readonly TaskScore[] } {
  return tasks.length > 0 ? { tasks } : {};
}

function exportSummaries(exports: readonly (ExportReport | FailedExport)[] = []): { exports?: ExportSummary[] } {
  return exports.length > 0 ? { exports: exports.map(summaryOf) } : {};
}

function summaryOf(exported: ExportReport | FailedExport): ExportSummary {
  const { format, precision } = exported.options;
  if ('error' in exported) {
    const { error } = exported;
    return { format, precision, files: [], verified: false, perplexity: null, max_abs_logit_difference: null, error };
  }
  const { files, verified, perplexity, max_abs_logit_difference, runtimes, notes, needs_onnxruntime } = exported;
  const listed = files.filter(({ name }) => name !== REPORT_FILE);
  const measured = {
    perplexity,
    max_abs_logit_difference,
    ...(runtimes.length > 0 && { runtimes }),
    ...(needs_onnxruntime !== undefined && { needs_onnxruntime }),
    ...(notes.length > 0 && { notes }),
  };
  return { format, precision, files: listed, verified, ...measured };
}
