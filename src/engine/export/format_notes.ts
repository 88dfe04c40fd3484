/**
 * @file What a format makes of a model, from its outline alone: why it cannot hold it, and what it holds otherwise than the
 * model does. Plans and exports ask the same functions, so that nothing comes out first when a file is written.
 */
import { WhittleError } from '../../errors/errors.ts';
import { ggufNotes, ggufRefusal, refused } from '../../export/gguf/write_gguf.ts';
import { graphNotes } from '../../export/notes.ts';
import { inputNotes, packingNotes } from '../../export/packed/for_onnx.ts';
import { packedFormNotes, packedRefusal } from '../../export/safetensors/packed_form.ts';
import { cacheRefusal } from '../../export/sized_config.ts';
import { type ModelOutline, storedWeights } from '../../models/decoder_model.ts';
import { inputLabels } from '../../models/input_quantization.ts';
import { weightRoles } from '../../models/map_weights.ts';
import type { OpenModel } from '../../models/open_model.ts';
import { ggufSource } from './gguf_source.ts';
import { type ExportFormat, isOnnxFormat, packedForm } from './options.ts';

export interface FormatSubject {
  /** That is written, or will be. */
  readonly model: ModelOutline;
  /** Whose config and tokenizer go with it. */
  readonly open: OpenModel;
  readonly format: ExportFormat;
  /** Of the evaluation windows, where texts were chosen. */
  readonly seqlen?: number | undefined;
}

/** `bad_option` for a format that cannot express the model. */
export function formatRefusal({ model, open, format, seqlen }: FormatSubject): WhittleError | undefined {
  const unfit = format === 'transformers.js' ? cacheRefusal(model) : undefined;
  if (unfit !== undefined) {
    return new WhittleError({
      code: 'bad_option',
      message: unfit,
      place: { field: 'format' },
      action:
        'Export it as ONNX or safetensors, or prune channels alone (units=channels) by the same share in each layer.',
    });
  }
  const form = packedForm(format);
  if (form) return packedRefusal(model, form);
  if (format !== 'gguf') return undefined;
  const source = ggufSource(open, open.model);
  const reason = ggufRefusal(model, source.raw_config, source, seqlen);
  return reason === undefined ? undefined : refused(reason);
}

/**
 * What a person must know of the file, packings that it cannot hold among it.
 * @param isSliced The model is one slicing.
 */
export function formatNotes({ model, open, format, isSliced }: FormatSubject & { isSliced: boolean }): string[] {
  const { raw_config } = open;
  if (isOnnxFormat(format)) return [...graphNotes(raw_config), ...packingNotes(model), ...inputNotes(model)];
  const own = weightNotes(model, open, format, isSliced);
  const inputs = inputLabels(model);
  if (inputs.length > 0) {
    own.push(
      `This ${format} file has no place for how inputs are rounded (${inputs.join(' and ')}): it multiplies floats, and its perplexity is that of the weights alone. Take ONNX for a file that computes what the run does.`,
    );
  }
  return own;
}

/** Of a file of weights alone. */
function weightNotes(
  model: ModelOutline,
  { raw_config }: OpenModel,
  format: ExportFormat,
  isSliced: boolean,
): string[] {
  const form = packedForm(format);
  if (form) return packedFormNotes(weightRoles(model), form);
  // transformers scales as the config of a dense folder says; nothing but Whittle opens the others.
  const own = [...(format === 'gguf' ? ggufNotes(model, raw_config) : isSliced ? graphNotes(raw_config) : [])];
  if (storedWeights(model).some(({ packed }) => packed && !(format === 'gguf' && packed.kind === 'blocks'))) {
    own.push(`This ${format} file holds packed weights as floats: their numbers, not their size.`);
  }
  return own;
}
