/**
 * @file Invariant 3: what was written computes what the app shows. ONNX runs in onnxruntime-web; other formats are opened
 * by Whittle as if somebody had dropped them.
 */
import type { ModelFile } from '../../formats/hf/files.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { openModel } from '../../models/open_model.ts';
import { firstWindowLogits } from '../../runtime/perplexity.ts';
import { measurePerplexity, type Numbers } from '../measure_commands.ts';
import type { ExportFolder } from '../platform.ts';
import { type Emit, memoryReport, ProgressMeter } from '../progress.ts';
import type { ExportedFile } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import type { RuntimeCheck } from '../verify/builds.ts';
import { assertClose, assertLogits, largestDifference } from './comparison.ts';
import { type OnnxCheck, verifyOnnx } from './verify_onnx.ts';

export interface VerificationSubject {
  folder: ExportFolder;
  files: readonly ExportedFile[];
  /** The model whose numbers the file holds. */
  model: DecoderModel;
  in_app: Numbers;
  /** Of an adapter: the files of the model that it is for. */
  base?: readonly ModelFile[];
}

export interface Verified {
  perplexity: number;
  /** max |Δ| to the app's over the first window that each runtime ran. */
  max_abs_logit_difference: number;
  runtimes: RuntimeCheck[];
  needs_onnxruntime?: string;
}

/** @param onnx For ONNX formats. Throws `verification_failed`, `cancelled`, and what opening the files throws. */
export async function verifyExport(
  state: EngineState,
  onnx: OnnxCheck | undefined,
  subject: VerificationSubject,
  emit: Emit,
  signal: AbortSignal,
): Promise<Verified> {
  const meter = new ProgressMeter(emit, 'verification', () => memoryReport(state));
  const verified = onnx
    ? await verifyOnnx(state, onnx, subject, meter, signal)
    : await verifyReopened(state, subject, emit, signal);
  meter.report({ fraction: 1, step: 'compared with the app' });
  return verified;
}

async function verifyReopened(
  state: EngineState,
  { folder, files, in_app, base = [], model: subjectModel }: VerificationSubject,
  emit: Emit,
  signal: AbortSignal,
): Promise<Verified> {
  const dropped = files.map(async ({ name }) => ({ path: `export/${name}`, blob: await folder.file(name) }));
  const { model } = await openModel([...base, ...(await Promise.all(dropped))]);
  const { perplexity } = await measurePerplexity(state, model, 'verification', emit, signal);
  assertClose({ found: perplexity, expected: in_app.perplexity, against: 'the app' });
  const { evaluation: windows } = state.requireTexts();
  const logitsOf = (of: DecoderModel) => firstWindowLogits(state.requireBackend(), of, windows, signal);
  const found = await logitsOf(model);
  const app = await logitsOf(subjectModel);
  assertLogits(found, windows.seqlen, app.length / windows.seqlen);
  return { perplexity, max_abs_logit_difference: largestDifference(app, [found]), runtimes: [] };
}
