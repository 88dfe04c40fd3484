/** @file What a person must know of a file in a format, packings that it cannot hold among it: from an outline, so also before it is made. */
import { groupedNotes } from '../../export/gguf/grouped_blocks.ts';
import { ggufWeightBytes } from '../../export/gguf/stored_model.ts';
import { ggufNotes, ggufTiedCopies } from '../../export/gguf/write_gguf.ts';
import { graphNotes } from '../../export/notes.ts';
import { inputNotes, packingNotes } from '../../export/packed/for_onnx.ts';
import { packedFormNotes } from '../../export/safetensors/packed_form.ts';
import type { RawConfig } from '../../formats/hf/config.ts';
import { type ModelOutline, storedWeights } from '../../models/decoder_model.ts';
import { inputLabels } from '../../models/input_quantization.ts';
import type { OpenModel } from '../../models/open_model.ts';
import { type ExportFormat, isOnnxFormat, packedForm } from './options.ts';

/** Of the finished file. */
export function fileNotes(model: ModelOutline, format: ExportFormat, raw: RawConfig, isSliced: boolean): string[] {
  // transformers scales as the config of a dense folder says; nothing but Whittle opens the others.
  const isGraph = isOnnxFormat(format) || (format === 'safetensors' && isSliced);
  const graph = isGraph ? graphNotes(raw) : format === 'gguf' ? ggufNotes(model, raw) : [];
  return [...graph, ...weightNotes(model, format)];
}

/** Of weights alone. */
function weightNotes(model: ModelOutline, format: ExportFormat): string[] {
  if (isOnnxFormat(format)) return [...packingNotes(model), ...inputNotes(model)];
  const form = packedForm(format);
  const own = form ? packedFormNotes(model, form) : [];
  const weights = storedWeights(model);
  if (format === 'gguf') own.push(...groupedNotes(weights));
  if (format === 'safetensors' && weights.some(({ packed }) => packed)) {
    own.push('This safetensors file holds packed weights as floats: their numbers, not their size.');
  }
  const inputs = inputLabels(model);
  if (inputs.length > 0) {
    own.push(
      `This ${format} file has no place for how inputs are rounded (${inputs.join(' and ')}): it multiplies floats, and its perplexity is that of the weights alone. Take ONNX for a file that computes what the run does.`,
    );
  }
  return own;
}

/** What a file of a planned model will be. */
export interface PlannedFile {
  readonly format: ExportFormat;
  /** Of its weights, exactly; only GGUF tells it yet. */
  readonly weight_bytes?: number;
  /** Why the format cannot hold the model. */
  readonly refusal?: string;
  readonly notes: string[];
}

/**
 * @param open The open model, whose family it is. @param isSliced The model is one slicing.
 * The notes are those of the finished file.
 */
export function plannedFile(
  model: ModelOutline,
  format: ExportFormat,
  open: OpenModel,
  isSliced: boolean,
): PlannedFile {
  const notes = fileNotes(model, format, open.raw_config, isSliced);
  return format === 'gguf'
    ? { format, weight_bytes: ggufWeightBytes(model, ggufTiedCopies(open.model)), notes }
    : { format, notes };
}
