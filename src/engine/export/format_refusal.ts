/**
 * @file Why a format cannot hold a model, from its outline alone. Plans and exports ask the same function, so that nothing comes
 * out first when a file is written.
 */
import { WhittleError } from '../../errors/errors.ts';
import { ggufRefusal, refused } from '../../export/gguf/write_gguf.ts';
import { packedRefusal } from '../../export/safetensors/packed_form.ts';
import { cacheRefusal } from '../../export/sized_config.ts';
import type { ModelOutline } from '../../models/decoder_model.ts';
import type { OpenModel } from '../../models/open_model.ts';
import type { MadeModel } from '../state.ts';
import { ggufSource } from './gguf_source.ts';
import { type ExportFormat, packedForm } from './options.ts';

export interface FormatSubject {
  /** That is written, or will be. */
  readonly model: ModelOutline;
  /** Whose config and tokenizer go with it. */
  readonly open: OpenModel;
  readonly format: ExportFormat;
  /** Of the evaluation windows, where texts were chosen. */
  readonly seqlen?: number | undefined;
  /** Of a model that was made: why its last step left no adapter. */
  readonly no_adapter?: string | undefined;
}

/** `bad_option` for a format that cannot express the model. */
export function formatRefusal({ model, open, format, seqlen, no_adapter }: FormatSubject): WhittleError | undefined {
  if (format === 'peft') return no_adapter === undefined ? undefined : noAdapter(no_adapter);
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

/** The open model is no result of a training. */
export const NOTHING_TRAINED = 'The open model as it is has no adapter: nothing was trained.';

/** Why a run has no adapter of its own, in a sentence; undefined where it has. */
export function adapterReason({ run, adapter }: Pick<MadeModel, 'run' | 'adapter'>): string | undefined {
  const last = run.steps.at(-1)?.training;
  if (adapter) return undefined;
  return last?.no_adapter ?? (last?.adapter ? NOT_KEPT : LAST_STEP);
}

const NOT_KEPT = 'The factors of this run went when the engine stopped.';

export const LAST_STEP =
  'The last step of the recipe trains no adapter: export right behind heal, rft, qlora or another step that trains one.';

function noAdapter(message: string): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message,
    place: { field: 'format' },
    action: 'Export the model itself, in which all that was learnt is merged.',
  });
}
