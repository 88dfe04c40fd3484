/** @file What may be exported, and in which numbers. */
import { WhittleError } from '../../errors/errors.ts';
import type { Precision } from '../../export/precision.ts';
import type { PackedForm } from '../../export/safetensors/packed_form.ts';

/**
 * - `onnx`: one graph, `input_ids` → `logits`.
 * - `transformers.js`: the graph with a key/value cache, in the folder layout of Optimum and transformers.js.
 * - `safetensors`: the weights and the slicing config; Whittle opens it again.
 * - `compressed-tensors`, `gptq`: safetensors in which a recipe's grouped integers stay integers, for transformers and vLLM.
 * - `gguf`: for llama.cpp; unsliced models of the families that it can express.
 * - `peft`: what a training learnt, alone, for the model before it.
 */
export type ExportFormat = 'onnx' | 'transformers.js' | 'safetensors' | PackedForm | 'gguf' | 'peft';

export interface ExportOptions {
  format: ExportFormat;
  /** `int8` and `int4` for the two ONNX formats only. */
  precision: Precision;
  /** ONNX: weights beside the model above 1.5 GB, or always. */
  external_data: 'auto' | 'always';
}

export { runtimeName } from '../verify/builds.ts';
export type { Precision };

export const EXPORT_FORMATS: readonly ExportFormat[] = [
  'onnx',
  'transformers.js',
  'safetensors',
  'compressed-tensors',
  'gptq',
  'gguf',
  'peft',
];

const PRECISIONS: Record<ExportFormat, readonly Precision[]> = {
  onnx: ['stored', 'f32', 'f16', 'int8', 'int4'],
  'transformers.js': ['stored', 'f32', 'f16', 'int8', 'int4'],
  safetensors: ['stored', 'f32', 'f16'],
  'compressed-tensors': ['stored', 'f32', 'f16'],
  gptq: ['stored', 'f32', 'f16'],
  gguf: ['stored', 'f32', 'f16'],
  peft: ['stored'],
};

export function precisionsOf(format: ExportFormat): readonly Precision[] {
  return PRECISIONS[format];
}

/** Of formats whose files are safetensors with packed weights. */
export function packedForm(format: ExportFormat): PackedForm | undefined {
  return format === 'compressed-tensors' || format === 'gptq' ? format : undefined;
}

export function isOnnxFormat(format: ExportFormat): boolean {
  return format === 'onnx' || format === 'transformers.js';
}

/** One export of a model in one of these replaces the one before. */
export function exportKey({ format, precision }: Pick<ExportOptions, 'format' | 'precision'>): string {
  return `${format}-${precision}`;
}

/** Options with defaults: plain ONNX in the stored types. Throws `bad_option`. */
export function exportOptions(given: Partial<ExportOptions> = {}): ExportOptions {
  const { format = 'onnx', precision = 'stored', external_data = 'auto' } = given;
  const allowed = PRECISIONS[format] as readonly Precision[] | undefined;
  if (!allowed) throw bad('format', `The export format is "${format}".`, EXPORT_FORMATS.join(', '));
  if (!allowed.includes(precision)) {
    throw bad('precision', `The precision is "${precision}" for ${format}.`, allowed.join(', '));
  }
  return { format, precision, external_data };
}

function bad(field: string, message: string, allowed: string): WhittleError {
  return new WhittleError({ code: 'bad_option', message, place: { field }, allowed });
}
