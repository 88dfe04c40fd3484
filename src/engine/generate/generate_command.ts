/** @file Command `generate`: text that the dense model, a compressed one or an exported file writes, token by token. */
import { WhittleError } from '../../errors/errors.ts';
import { isOnnxFile } from '../../export/file_names.ts';
import { TextStream } from '../../formats/tokenizer/text_stream.ts';
import { checkSampling, GREEDY, type SamplingOptions } from '../../runtime/decode/sampling.ts';
import { generate } from '../../runtime/generate.ts';
import { type ExportOptions, exportKey } from '../export/options.ts';
import { exportedModel } from '../export/target.ts';
import type { EnginePlatform } from '../platform.ts';
import { type Emit, memoryReport, ProgressMeter } from '../progress.ts';
import type { EngineState } from '../state.ts';
import { buildsFor, runtimeName } from '../verify/builds.ts';
import { contextLength, endTokens, type Prompt, promptTokens } from './prompt.ts';

export interface GenerateRequest {
  readonly target: 'dense' | string;
  /** Its exported file, run by onnxruntime-web, in place of the model in the app. */
  readonly file?: ExportedChoice;
  readonly prompt: Prompt;
  /** What is absent is as for the likeliest token each time. */
  readonly sampling?: Partial<SamplingOptions>;
  /** Of the answer; fewer where the model has no more room. */
  readonly max_tokens?: number;
}

export type ExportedChoice = Pick<ExportOptions, 'format' | 'precision'>;

export interface GeneratedText {
  target: 'dense' | string;
  file?: ExportedChoice;
  /** Without the token that ended it. */
  text: string;
  tokens: number[];
  /** What the model went on from: with its chat template's words. */
  prompt: string;
  prompt_tokens: number;
  stopped: 'end_token' | 'max_tokens' | 'context_full';
  /** After the first token, which has the whole prompt to read; null for one token. */
  tokens_per_second: number | null;
  first_token_ms: number;
  sampling: SamplingOptions;
  /** That ran an exported file. */
  runtime?: string;
}

export const DEFAULT_MAX_TOKENS = 128;

/** A small model gives hundreds of tokens a second: a page that drew each of them would do nothing else. */
const TELL_MS = 80;

interface Watcher {
  signal: AbortSignal;
  onToken(token: number, ms: number): void;
}

interface Job {
  ids: Uint32Array;
  count: number;
  sampling: SamplingOptions;
  eos: readonly number[];
}

/** @throws `bad_option`, `bad_chat_template`, `bad_tokenizer`, `cancelled`, and what the backend or the runtime throws. */
export async function generateCommand(
  state: EngineState,
  platform: EnginePlatform,
  { target, file, prompt, sampling: given, max_tokens = DEFAULT_MAX_TOKENS }: GenerateRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<GeneratedText> {
  const { open } = state.requireModel();
  const model = exportedModel(state, target);
  const sampling = { ...GREEDY, ...given };
  checkSampling(sampling);
  checkCount(max_tokens);
  const { ids, text: worded } = await promptTokens(open, prompt, state.texts?.protocol.bos);
  const count = Math.min(max_tokens, contextLength(open) - ids.length);
  const job: Job = { ids, count, sampling, eos: endTokens(open) };

  const meter = new ProgressMeter(emit, 'generation', () => memoryReport(state));
  const stream = new TextStream(open.tokenizer);
  const times: number[] = [];
  let text = '';
  let told = 0;
  let told_at = Number.NEGATIVE_INFINITY;
  const tell = () => {
    const piece = text.slice(told);
    told = text.length;
    told_at = performance.now();
    if (piece !== '') emit({ type: 'text', target, ...(file && { file }), piece });
  };
  const onToken = (token: number, ms: number) => {
    times.push(ms);
    if (!job.eos.includes(token)) text += stream.push(token);
    if (performance.now() - told_at < TELL_MS) return;
    tell();
    meter.report({ fraction: times.length / count, step: 'writing', tokens: times.length });
  };
  meter.report({ fraction: 0, step: 'reading the prompt' });
  const watcher: Watcher = { signal, onToken };
  const { tokens, runtime } = file
    ? await byFile(state, platform, target, file, job, watcher)
    : { tokens: await generate(state.requireBackend(), model, ids, count, { ...job, ...watcher }), runtime: undefined };
  text += stream.end();
  tell();
  const rest = times.slice(1).reduce((sum, ms) => sum + ms, 0);
  return {
    target,
    ...(file && { file }),
    text,
    tokens,
    prompt: worded,
    prompt_tokens: ids.length,
    stopped: job.eos.includes(tokens[tokens.length - 1])
      ? 'end_token'
      : count < max_tokens
        ? 'context_full'
        : 'max_tokens',
    tokens_per_second: times.length > 1 ? (1000 * (times.length - 1)) / Math.max(rest, 1e-3) : null,
    first_token_ms: times[0],
    sampling,
    ...(runtime && { runtime }),
  };
}

/** In a Worker of its own, which ends with the text. */
async function byFile(
  state: EngineState,
  platform: EnginePlatform,
  target: 'dense' | string,
  choice: ExportedChoice,
  job: Job,
  watcher: Watcher,
): Promise<{ tokens: number[]; runtime: string }> {
  const exports = target === 'dense' ? state.denseExports : state.requireRun(target).exports;
  const folder = exports.get(exportKey(choice));
  const [build] = buildsFor(choice.format);
  if (!folder || !build) throw noFile(choice);
  const names = (await folder.list()).filter(isOnnxFile);
  const files = await Promise.all(names.map(async (name) => ({ name, file: await folder.file(name) })));
  const runner = platform.openVerifier(build, 1);
  try {
    const { tokens, version } = await runner.generate(files, job, watcher);
    return { tokens, runtime: runtimeName({ name: 'onnxruntime-web', version, build, windows: 0 }) };
  } finally {
    runner.close();
  }
}

function noFile({ format, precision }: ExportedChoice): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message: `There is no exported file of this model as ${format}, ${precision}, that onnxruntime-web runs.`,
    place: { field: 'file' },
    allowed: 'a finished export as ONNX or for transformers.js',
    action: 'Export the model first; other formats are opened again by Whittle, and speak as the model does.',
  });
}

function checkCount(max_tokens: number): void {
  if (Number.isInteger(max_tokens) && max_tokens >= 1) return;
  throw new WhittleError({
    code: 'bad_option',
    message: `max_tokens is ${max_tokens}.`,
    place: { field: 'max_tokens' },
    allowed: 'a whole number from 1 on',
  });
}
