/** @file The exports of one model: the newest first, one for each format and precision. */
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportOptions,
  exportKey,
  isOnnxFormat,
  type Precision,
  precisionsOf,
  runtimeName,
} from '../../engine/export/options.ts';
import { nearestPrecision } from '../../engine/plan.ts';
import type { ExportReport, PerplexityReport, ProtocolReport, StepReport } from '../../engine/protocol.ts';
import type { ErrorData } from '../../errors/errors.ts';
import { isSameEvaluation } from './results.ts';

export { EXPORT_FORMATS, type ExportFormat, exportKey, isOnnxFormat, type Precision, precisionsOf, runtimeName };

export type ExportChoice = Pick<ExportOptions, 'format' | 'precision'>;

/** What an export is of: a model whose layers have shortcuts, any other compressed one, or the open one as it is. */
export type ExportKind = 'sliced' | 'compressed' | 'dense';

/** Compressed models share one choice: what the next export of any of them will be. */
export type ChoiceKind = 'sliced' | 'dense';

export function choiceKind(kind: ExportKind): ChoiceKind {
  return kind === 'dense' ? 'dense' : 'sliced';
}

export type ExportEntry = { choice: ExportChoice } & (
  | { state: 'running' }
  /** `protocol`: what its perplexity was measured with. */
  | {
      state: 'done';
      report: ExportReport;
      protocol: ProtocolReport | null;
      /** Its weights were handed to the browser's downloads or written to a folder. */
      is_saved?: boolean;
    }
  | { state: 'failed'; error: ErrorData }
);

export type Exports = readonly ExportEntry[];

/** In the place of the entry of the same key, else in front. */
export function putExport(exports: Exports, entry: ExportEntry): Exports {
  const key = exportKey(entry.choice);
  const isKnown = exports.some((other) => exportKey(other.choice) === key);
  if (!isKnown) return [entry, ...exports];
  return exports.map((other) => (exportKey(other.choice) === key ? entry : other));
}

export function dropExport(exports: Exports, choice: ExportChoice): Exports {
  return exports.filter((other) => exportKey(other.choice) !== exportKey(choice));
}

/** Another format keeps the precision where it has it, else takes the model's nearest, else leaves the weights as they are. */
export function withFormat(
  { precision }: ExportChoice,
  format: ExportFormat,
  nearest: Precision = 'stored',
): ExportChoice {
  const known = precisionsOf(format);
  const wanted = precision === 'stored' ? nearest : precision;
  return { format, precision: [wanted, nearest].find((one) => known.includes(one)) ?? 'stored' };
}

/** Relative difference of a file's perplexity to its model's; null where they were measured on different windows. */
export function changeAgainst(
  entry: Extract<ExportEntry, { state: 'done' }>,
  model: PerplexityReport | null,
): number | null {
  if (!model || !isSameEvaluation(entry.protocol, model.protocol)) return null;
  return entry.report.perplexity / model.perplexity - 1;
}

/** The choices for a model that was just opened: the same formats, in the precision nearest to what it is stored in. */
export function nearestExports(
  choices: Record<ChoiceKind, ExportChoice>,
  model: { bytes: number; parameters: number },
): Record<ChoiceKind, ExportChoice> {
  const precision = nearestPrecision(model);
  const near = ({ format }: ExportChoice) => withFormat({ format, precision }, format, precision);
  return { sliced: near(choices.sliced), dense: near(choices.dense) };
}

/** The format whose packings a search for a size chooses from: ONNX where the chosen one holds floats only. */
export function solverFormat(format: ExportFormat): ExportFormat {
  return isOnnxFormat(format) || format === 'gguf' ? format : 'onnx';
}

export const FORMAT_LABELS: Record<ExportFormat, string> = {
  onnx: 'ONNX',
  'transformers.js': 'transformers.js (cache)',
  safetensors: 'safetensors',
  'compressed-tensors': 'safetensors, compressed-tensors',
  gptq: 'safetensors, GPTQ',
  gguf: 'GGUF',
  peft: 'adapter alone (PEFT)',
};

export const PRECISION_LABELS: Record<Precision, string> = {
  stored: 'as stored',
  f32: 'f32',
  f16: 'f16',
  int8: 'int8',
  int4: 'int4',
};

/** "ONNX", "ONNX, int4": what buttons and the job's title call it. */
export function exportName({ format, precision }: ExportChoice): string {
  const label = format === 'transformers.js' ? format : FORMAT_LABELS[format];
  return precision === 'stored' ? label : `${label}, ${precision}`;
}

/** One line: what the format is for. */
export function formatPurpose(format: ExportFormat, kind: ExportKind): string {
  switch (format) {
    case 'onnx':
      return 'One plain graph, tokens in, logits out: for any ONNX runtime.';
    case 'transformers.js':
      return 'ONNX with a KV cache, to generate text with transformers.js or Optimum.';
    case 'safetensors':
      return kind === 'compressed'
        ? 'The weights with config and tokenizer; Whittle opens it again.'
        : kind === 'sliced'
          ? 'The weights with their slicing config, which Whittle opens again.'
          : 'The weights with config and tokenizer, as a Hugging Face folder.';
    case 'compressed-tensors':
      return 'Integers stay integers (pack-quantized), for transformers and vLLM.';
    case 'gptq':
      return 'Integers stay integers in GPTQ’s layout, for GPTQModel and vLLM.';
    case 'gguf':
      return 'One file for llama.cpp.';
    case 'peft':
      return 'What was learnt alone, as LoRA factors for the model before training.';
  }
}

/** What a precision does to the weights. @param isBlocks The open model is stored in blocks of few bits. */
export function precisionPurpose(precision: Precision, isBlocks = false, format: ExportFormat = 'onnx'): string {
  switch (precision) {
    case 'stored':
      if (format === 'peft') return 'Factors are f32.';
      if (!isBlocks) return 'Weights keep the type they have.';
      return format === 'gguf'
        ? 'Blocks stay as they are.'
        : 'The model’s quantised blocks become f16, several times as large.';
    case 'f32':
      return 'All weights in f32.';
    case 'f16':
      return 'Matrices in f16, vectors in f32.';
    case 'int8':
      return 'Matrices in 8-bit blocks.';
    case 'int4':
      return 'Linears in 4-bit blocks, the rest in 8 bits.';
  }
}

/** Why a format cannot hold the model, known before it is tried; null where it may. */
export function formatRefusal(
  format: ExportFormat,
  kind: ExportKind,
  steps: readonly Pick<StepReport, 'training'>[] = [],
): string | null {
  if (format === 'peft') return adapterRefusal(kind, steps.at(-1)?.training);
  if (format !== 'gguf' || kind !== 'sliced') return null;
  return 'GGUF has no place for the shortcuts of a sliced model. The open model can be exported as GGUF, below.';
}

function adapterRefusal(kind: ExportKind, last: StepReport['training']): string | null {
  if (kind === 'dense') return 'Nothing was trained on the open model, so it has no adapter.';
  if (last?.adapter) return null;
  return last?.no_adapter ?? 'The last step of this recipe trains no adapter.';
}
