/** @file Command `set_texts`: calibration and evaluation text, tokenised as far as windows need it and cut into them. */
import { throwIfCancelled } from '../backend/event_loop.ts';
import { WhittleError } from '../errors/errors.ts';
import { Sha256 } from '../formats/sha256.ts';
import { resolveBos } from '../formats/tokenizer/bos.ts';
import { cutWindows, type TokenWindows, tokensNeeded } from '../runtime/windows.ts';
import type { EnginePlatform } from './platform.ts';
import { type Emit, memoryReport, ProgressMeter } from './progress.ts';
import type { ProtocolReport, TextSettings, TextSource } from './protocol.ts';
import type { EngineState } from './state.ts';
import { builtInText, type NamedText } from './texts/built_in.ts';
import type { TextRole } from './texts/kinds.ts';
import { tokenise } from './tokenise.ts';

/** A text longer than this is cut here, and its name says so: windows come from the start. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;

/** The tokens of a text of up to so many characters are all counted; of a longer one only those that the windows need. */
const MAX_COUNTED = 2 * 1024 * 1024;

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
  const windowsOf = async (role: TextRole, count: number, fraction: number) => {
    const step = `tokenising the ${role} text`;
    meter.report({ fraction, step });
    const given = settings[role];
    const { name, text } =
      given.kind === 'demo'
        ? await builtInText(platform, given.of ?? 'prose', role, open, mode !== 'none', signal)
        : await readText(given);
    throwIfCancelled(signal);
    const needed = tokensNeeded(seqlen, count, start);
    const { ids, tokens, at_least } = await tokenise(tokenizer.streamPlain(text), needed, {
      whole: text.length <= MAX_COUNTED,
      signal,
      report: (done) => meter.report({ fraction: fraction + 0.5 * Math.min(1, done / needed), step, tokens: done }),
    });
    const windows = cutWindows(ids, seqlen, count, name, start);
    const added = windows.totalTokens - ids.length;
    return { name, windows: { ...windows, totalTokens: tokens + added }, at_least };
  };
  const calibration = await windowsOf('calibration', samples, 0);
  const evaluation = await windowsOf('evaluation', eval_samples, 0.5);
  throwIfCancelled(signal);
  await state.dropMeasurements();
  const described = ({ name, windows, at_least }: { name: string; windows: TokenWindows; at_least: boolean }) => ({
    name,
    tokens: windows.totalTokens,
    ...(at_least && { at_least }),
    digest: digestOf(windows),
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

function digestOf({ ids: { buffer, byteOffset, byteLength } }: TokenWindows): string {
  return new Sha256()
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest()
    .slice(0, 16);
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

async function readText(source: Exclude<TextSource, { kind: 'demo' }>): Promise<NamedText> {
  if (source.kind === 'text') return { name: source.name, text: source.text };
  const { file } = source;
  const name = file.size > MAX_TEXT_BYTES ? `${file.name}, first ${MAX_TEXT_BYTES / 1024 / 1024} MiB` : file.name;
  return { name, text: await decodeText(file, name) };
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
