/**
 * @file Invariant 3: what was written computes what the app shows. ONNX runs in onnxruntime-web; other formats are opened
 * by Whittle as if somebody had dropped them.
 */
import { WhittleError } from '../../errors/errors.ts';
import { isOnnxFile } from '../../export/file_names.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { openModel } from '../../models/open_model.ts';
import { firstWindowLogits, summarize } from '../../runtime/perplexity.ts';
import { measurePerplexity } from '../measure_commands.ts';
import type { ExportFolder } from '../platform.ts';
import { type Emit, memoryReport, ProgressMeter } from '../progress.ts';
import type { ExportedFile } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import type { Verifier } from '../verify.ts';
import type { ExportOptions } from './options.ts';

/** Largest relative difference between the perplexity of the file and the app's (invariant 3). */
export const PERPLEXITY_TOLERANCE = 1e-3;

export interface VerificationSubject {
  folder: ExportFolder;
  files: readonly ExportedFile[];
  /** The model whose numbers the file holds. */
  model: DecoderModel;
  options: ExportOptions;
  perplexity_in_app: number;
}

export interface Verified {
  perplexity: number;
  max_abs_logit_difference: number;
}

/** @param verifier For ONNX formats. Throws `verification_failed`, `cancelled`, and what opening the files throws. */
export async function verifyExport(
  state: EngineState,
  verifier: Verifier | undefined,
  subject: VerificationSubject,
  emit: Emit,
  signal: AbortSignal,
): Promise<Verified> {
  const meter = new ProgressMeter(emit, 'verification', () => memoryReport(state));
  const { perplexity, logits } = verifier
    ? await runOnnx(state, verifier, subject, meter, signal)
    : await runReopened(state, subject, emit, signal);
  const relative = Math.abs(perplexity / subject.perplexity_in_app - 1);
  if (!(relative <= PERPLEXITY_TOLERANCE)) throw notVerified(perplexity, subject.perplexity_in_app);
  const max_abs_logit_difference = await compareLogits(state, subject.model, logits, signal);
  meter.report({ fraction: 1, step: 'compared with the app' });
  return { perplexity, max_abs_logit_difference };
}

interface Measured {
  perplexity: number;
  /** Of the first window. */
  logits: Float32Array;
}

async function runOnnx(
  state: EngineState,
  verifier: Verifier,
  { folder, files }: VerificationSubject,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<Measured> {
  const { evaluation: windows } = state.requireTexts();
  meter.report({ fraction: 0, step: 'opening the ONNX file in onnxruntime-web' });
  const names = files.map(({ name }) => name).filter(isOnnxFile);
  const onnx = await Promise.all(names.map(async (name) => ({ name, file: await folder.file(name) })));
  const step = 'running the ONNX file in onnxruntime-web';
  const result = await verifier.verify(onnx, windows, {
    signal,
    onWindow: (index) =>
      meter.report({ fraction: (index + 1) / (windows.count + 1), step, tokens: (index + 1) * windows.seqlen }),
  });
  return { perplexity: summarize(result.window_losses).perplexity, logits: result.first_logits };
}

async function runReopened(
  state: EngineState,
  { folder, files }: VerificationSubject,
  emit: Emit,
  signal: AbortSignal,
): Promise<Measured> {
  const dropped = files.map(async ({ name }) => ({ path: `export/${name}`, blob: await folder.file(name) }));
  const { model } = await openModel(await Promise.all(dropped));
  const { perplexity } = await measurePerplexity(state, model, 'verification', emit, signal);
  const { evaluation: windows } = state.requireTexts();
  return { perplexity, logits: await firstWindowLogits(state.requireBackend(), model, windows, signal) };
}

/** max |Δ| over the first window. Throws `verification_failed` when the file's logits are not of the same size. */
async function compareLogits(
  state: EngineState,
  model: DecoderModel,
  exported: Float32Array,
  signal: AbortSignal,
): Promise<number> {
  const { evaluation: windows } = state.requireTexts();
  const logits = await firstWindowLogits(state.requireBackend(), model, windows, signal);
  if (exported.length !== logits.length) {
    throw new WhittleError({
      code: 'verification_failed',
      message: `The exported file gives ${exported.length} logits for the first window.`,
      allowed: `${logits.length}: ${windows.seqlen} tokens × the vocabulary`,
      action: 'The file was removed. This is a fault in Whittle: please report it.',
    });
  }
  let largest = 0;
  for (let i = 0; i < logits.length; i++) largest = Math.max(largest, Math.abs(logits[i] - exported[i]));
  return largest;
}

function notVerified(found: number, expected: number): WhittleError {
  return new WhittleError({
    code: 'verification_failed',
    message: `The exported file gives a perplexity of ${found.toPrecision(6)}, the app ${expected.toPrecision(6)}.`,
    allowed: `a relative difference of at most ${PERPLEXITY_TOLERANCE}`,
    action: 'The file was removed. Export again; if it fails again, try the CPU backend and report this.',
  });
}
