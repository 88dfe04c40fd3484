/**
 * @file Text that an exported ONNX model writes in onnxruntime-web, token by token: with its own cache of keys and values where
 * the graph has one, else with the whole text again for each token. Chosen as the app chooses, so that the same numbers give
 * the same tokens.
 */
import type * as Ort from 'onnxruntime-web/wasm';
import { nextTask } from '../../backend/event_loop.ts';
import { cancelled, WhittleError } from '../../errors/errors.ts';
import { baseName } from '../../export/file_names.ts';
import { feedsOf, type Past } from '../../export/session_feeds.ts';
import { readOnnxModel } from '../../formats/onnx/read_model.ts';
import { blobSource } from '../../formats/source.ts';
import { type SamplingOptions, sampler } from '../../runtime/decode/sampling.ts';
import { failed, messageOf, type OnnxFile, openSession, versionOf } from './session.ts';
import { sessionBytes } from './verify_files.ts';

export interface TextJob {
  ids: Uint32Array;
  /** Most tokens of the answer. */
  count: number;
  sampling: SamplingOptions;
  /** Tokens that end it; the one that did is part of the result. */
  eos: readonly number[];
}

export interface TextOptions {
  signal?: AbortSignal;
  /** @param ms Since the token before; for the first, that is the whole prompt. */
  onToken?(token: number, ms: number): void;
}

export interface TextResult {
  tokens: number[];
  /** Of onnxruntime-web. */
  version: string;
}

/** By {@link sessionBytes}: a text cannot be written in parts, and WebAssembly ends at twice that. */
const MOST_SESSION_BYTES = 2e9;

/** @throws `limit_exceeded` where one session has no room for the file, `verification_failed`, `cancelled`. */
export async function writeText(
  ort: typeof Ort,
  files: readonly OnnxFile[],
  { ids, count, sampling, eos }: TextJob,
  { signal, onToken }: TextOptions = {},
): Promise<TextResult> {
  await assertRoom(files, ids.length + count);
  const session = await openSession(ort, files);
  const isCached = session.inputNames.some((name) => name.startsWith('past_key_values.'));
  const choose = sampler(sampling);
  const text = Array.from(ids);
  const seen = new Set(text);
  const tokens: number[] = [];
  let past: Past | undefined;
  try {
    while (tokens.length < count) {
      // The runtime's promises are kept within one task: what is posted and asked meanwhile has its turn here.
      await nextTask();
      if (signal?.aborted) throw cancelled();
      const begun = performance.now();
      const given = Uint32Array.from(past ? text.slice(past.length) : text);
      const outputs = await run(session, feedsOf(ort, session, given, 1, past));
      const token = choose(await lastRow(outputs.logits), seen);
      release(past);
      past = isCached ? { length: text.length, outputs } : undefined;
      outputs.logits.dispose();
      text.push(token);
      seen.add(token);
      tokens.push(token);
      onToken?.(token, performance.now() - begun);
      if (eos.includes(token)) break;
    }
    return { tokens, version: versionOf(ort) };
  } finally {
    release(past);
    await session.release();
  }
}

async function assertRoom(files: readonly OnnxFile[], tokens: number): Promise<void> {
  const model = files.find(({ name }) => name.endsWith('.onnx'));
  if (!model) return;
  const { graph } = await readOnnxModel(blobSource(baseName(model.name), model.file));
  const bytes = sessionBytes(graph, tokens);
  if (bytes <= MOST_SESSION_BYTES) return;
  throw new WhittleError({
    code: 'limit_exceeded',
    message: `The file takes about ${(bytes / 1e9).toFixed(1)} GB in onnxruntime-web, more than one session has in a browser.`,
    place: { file: model.name },
    allowed: `${(MOST_SESSION_BYTES / 1e9).toFixed(1)} GB`,
    action: 'Try the same model in the app, export it in fewer bits, or run the file outside of the browser.',
  });
}

async function run(session: Ort.InferenceSession, feeds: Record<string, Ort.Tensor>) {
  try {
    return await session.run(feeds);
  } catch (cause) {
    throw failed(`onnxruntime-web cannot run the model: ${messageOf(cause)}`, 'logits', cause);
  }
}

/** Logits after the last token, (vocabulary). */
async function lastRow(logits: Ort.Tensor): Promise<Float32Array> {
  const vocabulary = logits.dims[logits.dims.length - 1];
  const all = (await logits.getData()) as Float32Array;
  return all.slice(all.length - vocabulary);
}

function release(past: Past | undefined): void {
  for (const tensor of Object.values(past?.outputs ?? {})) tensor.dispose();
}
