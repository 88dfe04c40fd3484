/** @file Command `set_texts`: calibration and evaluation text, tokenised once and cut into windows. */
import { throwIfCancelled } from '../backend/event_loop.ts';
import { WhittleError } from '../errors/errors.ts';
import { resolveBos } from '../formats/tokenizer/bos.ts';
import { cutWindows, type TokenWindows } from '../runtime/windows.ts';
import type { EnginePlatform } from './platform.ts';
import { type Emit, memoryReport, ProgressMeter } from './progress.ts';
import type { ProtocolReport, TextSettings, TextSource } from './protocol.ts';
import type { EngineState } from './state.ts';

/** A text longer than this is cut here, and its name says so: windows come from the start, and tokenising takes its time. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;

export async function setTextsCommand(
  state: EngineState,
  platform: EnginePlatform,
  settings: TextSettings,
  emit: Emit,
  signal: AbortSignal,
): Promise<ProtocolReport> {
  const { open } = state.requireModel();
  const started = performance.now();
  const { seqlen, samples, eval_samples } = settings;
  assertFits(seqlen, open.model.config.max_position_embeddings);
  const { tokenizer, model } = open;
  const mode = resolveBos(settings.bos, model.config.model_type, tokenizer);
  const start = { mode, bos: tokenizer.bos };
  const meter = new ProgressMeter(emit, 'loading', () => memoryReport(state));
  const windowsOf = async (role: 'calibration' | 'evaluation', count: number, fraction: number) => {
    meter.report({ fraction, step: `tokenising the ${role} text` });
    const { name, text } = await readText(platform, settings[role], role);
    throwIfCancelled(signal);
    return { name, windows: cutWindows(tokenizer.encodePlain(text), seqlen, count, name, start) };
  };
  const calibration = await windowsOf('calibration', samples, 0);
  const evaluation = await windowsOf('evaluation', eval_samples, 0.5);
  throwIfCancelled(signal);
  await state.dropMeasurements();
  const described = ({ name, windows }: { name: string; windows: TokenWindows }) => ({
    name,
    tokens: windows.totalTokens,
  });
  const shared = sharedWindows(calibration.windows, evaluation.windows);
  const protocol: ProtocolReport = {
    seqlen,
    samples,
    eval_samples,
    calibration: described(calibration),
    evaluation: described(evaluation),
    ...(shared > 0 && { shared_windows: shared }),
    bos: mode,
    tokenizer: tokenizer.name,
  };
  state.texts = { calibration: calibration.windows, evaluation: evaluation.windows, protocol };
  state.load_ms += performance.now() - started;
  return protocol;
}

/** How many windows of `b` are windows of `a`, token by token. */
function sharedWindows(a: TokenWindows, b: TokenWindows): number {
  const textOf = ({ ids, seqlen }: TokenWindows, i: number) => ids.subarray(i * seqlen, (i + 1) * seqlen).join(' ');
  const known = new Set(Array.from({ length: a.count }, (_, i) => textOf(a, i)));
  return Array.from({ length: b.count }, (_, i) => textOf(b, i)).filter((text) => known.has(text)).length;
}

function assertFits(seqlen: number, limit: number): void {
  if (seqlen <= limit) return;
  throw new WhittleError({
    code: 'bad_option',
    message: `Windows of ${seqlen} tokens were asked for, but the model was made for ${limit} positions.`,
    place: { field: 'seqlen' },
    allowed: `2 to ${limit}`,
    action: 'Use shorter windows.',
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
