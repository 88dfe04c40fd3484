/** @file Commands `open` and `set_texts`: headers, config and tokenizer; then texts cut into windows. */
import { modelShape } from '../compress/slicegpt/model_shape.ts';
import { WhittleError } from '../errors/errors.ts';
import { countParameters, describeDTypes, modelBytes } from '../models/model_size.ts';
import { type OpenModel, openModel } from '../models/open_model.ts';
import { cutWindows } from '../runtime/windows.ts';
import type { EnginePlatform } from './platform.ts';
import type { ModelSource, ModelSummary, ProtocolReport, TextSettings, TextSource } from './protocol.ts';
import type { EngineState } from './state.ts';

/** The files of the built-in model; the texts beside it are made at build time. */
const DEMO_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'model.safetensors',
];

/** A text longer than this is cut here, and its name says so: windows come from the start, and tokenising takes its time. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;

export async function openCommand(
  state: EngineState,
  platform: EnginePlatform,
  source: ModelSource,
): Promise<ModelSummary> {
  return state.timed('load', async () => {
    const files =
      source.kind === 'demo'
        ? await Promise.all(
            DEMO_FILES.map(async (name) => ({ path: `demo/${name}`, blob: await platform.demoFile(name) })),
          )
        : source.files.map(({ path, file }) => ({ path, blob: file }));
    const open = await openModel(files);
    // Only now: a bad drop must not lose the model that is open.
    await state.dropModel();
    const summary = summarize(open, source.kind === 'demo' ? 'Built-in demo' : open.name);
    state.opened = { open, summary };
    return summary;
  });
}

function summarize(open: OpenModel, name: string): ModelSummary {
  const { model, checkpoint } = open;
  const tensors = [...checkpoint.tensors.values()].map(({ name, dtype, shape, bytes }) => ({
    name,
    dtype,
    shape,
    bytes,
  }));
  return {
    name,
    architecture: model.config.architecture,
    parameters: countParameters(model),
    bytes: modelBytes(model),
    dtype: describeDTypes(model),
    files: open.files.map(({ name, bytes }) => ({ name, bytes })),
    tokenizer: open.tokenizer.name,
    shape: modelShape(model),
    num_attention_heads: model.config.num_attention_heads,
    num_key_value_heads: model.config.num_key_value_heads,
    head_dim: model.config.head_dim,
    max_position_embeddings: model.config.max_position_embeddings,
    tensors,
    warnings: [...open.warnings],
  };
}

export async function setTextsCommand(
  state: EngineState,
  platform: EnginePlatform,
  settings: TextSettings,
): Promise<ProtocolReport> {
  const { open } = state.requireModel();
  return state.timed('load', async () => {
    const limit = open.model.config.max_position_embeddings;
    if (settings.seqlen > limit) {
      throw new WhittleError({
        code: 'bad_option',
        message: `Windows of ${settings.seqlen} tokens were asked for, but the model was made for ${limit} positions.`,
        place: { field: 'seqlen' },
        allowed: `2 to ${limit}`,
        action: 'Use shorter windows.',
      });
    }
    const calibration = await readText(platform, settings.calibration, 'calibration');
    const evaluation = await readText(platform, settings.evaluation, 'evaluation');
    const windows = {
      calibration: cutWindows(
        open.tokenizer.encode(calibration.text),
        settings.seqlen,
        settings.samples,
        calibration.name,
      ),
      evaluation: cutWindows(
        open.tokenizer.encode(evaluation.text),
        settings.seqlen,
        settings.eval_samples,
        evaluation.name,
      ),
    };
    await state.dropMeasurements();
    const protocol: ProtocolReport = {
      seqlen: settings.seqlen,
      samples: settings.samples,
      eval_samples: settings.eval_samples,
      calibration: { name: calibration.name, tokens: windows.calibration.totalTokens },
      evaluation: { name: evaluation.name, tokens: windows.evaluation.totalTokens },
      tokenizer: open.tokenizer.name,
    };
    state.texts = { ...windows, protocol };
    return protocol;
  });
}

async function readText(platform: EnginePlatform, source: TextSource, role: 'calibration' | 'evaluation') {
  if (source.kind === 'text') return { name: source.name, text: source.text };
  const blob = source.kind === 'file' ? source.file : await platform.demoFile(`${role}.txt`);
  const whole = source.kind === 'file' ? source.file.name : `Brown corpus, ${role} split`;
  const name = blob.size > MAX_TEXT_BYTES ? `${whole}, first ${MAX_TEXT_BYTES / 1024 / 1024} MiB` : whole;
  return { name, text: await decodeText(blob, name) };
}

/** Throws `bad_text` for anything that is not UTF-8 prose. */
async function decodeText(blob: Blob, name: string): Promise<string> {
  const bytes = new Uint8Array(await blob.slice(0, MAX_TEXT_BYTES).arrayBuffer());
  const bad = (message: string, action: string) =>
    new WhittleError({ code: 'bad_text', message, place: { file: name }, allowed: 'plain text in UTF-8', action });
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw bad('The text is UTF-16.', 'Save it as UTF-8.');
  }
  if (bytes.includes(0)) throw bad('The file holds zero bytes, so it is not text.', 'Choose a text file.');
  let text: string;
  try {
    // A cut in the middle of a character is no fault of the file: with `stream` the decoder waits for the rest.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: blob.size > MAX_TEXT_BYTES });
  } catch {
    throw bad('The text is not valid UTF-8.', 'Save it as UTF-8.');
  }
  if (text.trim() === '') throw bad('The text is empty.', 'Choose a text with at least a few thousand words.');
  return text;
}
