/**
 * @file Invariant 3: what was written computes what the app shows. ONNX runs in onnxruntime-web; other formats are opened
 * by Whittle as if somebody had dropped them.
 */
import { WhittleError } from '../../errors/errors.ts';
import { baseName, isOnnxFile } from '../../export/file_names.ts';
import { oldestRuntime } from '../../export/oldest_runtime.ts';
import type { ModelFile } from '../../formats/hf/files.ts';
import { readOnnxModel } from '../../formats/onnx/read_model.ts';
import { blobSource } from '../../formats/source.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { openModel } from '../../models/open_model.ts';
import { inSpan } from '../../pulse/timeline.ts';
import { countTraffic } from '../../pulse/traffic.ts';
import { firstWindowLogits, summarize } from '../../runtime/perplexity.ts';
import { measurePerplexity } from '../measure_commands.ts';
import type { ExportFolder } from '../platform.ts';
import { type Emit, memoryReport, ProgressMeter } from '../progress.ts';
import type { ExportedFile } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import type { RuntimeBuild, RuntimeCheck } from '../verify/builds.ts';
import type { OnnxFile, VerifyOptions, VerifyResult } from '../verify/session.ts';
import { mergeLosses, pickWindows, sharesOf } from '../verify/shares.ts';
import type { AppLogits } from './app_logits.ts';
import type { OnnxVerifiers } from './verifiers.ts';

/** Largest relative difference between the perplexity of the file and the app's (invariant 3). */
export const PERPLEXITY_TOLERANCE = 1e-3;

export interface VerificationSubject {
  folder: ExportFolder;
  files: readonly ExportedFile[];
  /** The model whose numbers the file holds. */
  model: DecoderModel;
  perplexity_in_app: number;
  /** Of an adapter: the files of the model that it is for. */
  base?: readonly ModelFile[];
}

export interface Verified {
  perplexity: number;
  max_abs_logit_difference: number;
  runtimes: RuntimeCheck[];
  needs_onnxruntime?: string;
}

/** What an ONNX file is run in, and compared with. */
export interface OnnxCheck {
  verifiers: OnnxVerifiers;
  app: AppLogits;
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
  const { logits, ...measured } = onnx
    ? await runOnnx(state, onnx, subject, meter, signal)
    : await runReopened(state, subject, emit, signal);
  const max_abs_logit_difference = largestDifference(logits);
  meter.report({ fraction: 1, step: 'compared with the app' });
  return { ...measured, max_abs_logit_difference };
}

/** Of the first window. */
interface Logits {
  app: Float32Array;
  /** In each runtime. */
  exported: Float32Array[];
  seqlen: number;
}

interface Measured {
  perplexity: number;
  logits: Logits;
  runtimes: RuntimeCheck[];
  needs_onnxruntime?: string;
}

function assertEqual(found: number, expected: number, against: string): void {
  if (!(Math.abs(found / expected - 1) <= PERPLEXITY_TOLERANCE)) throw notVerified(found, expected, against);
}

/** Every window in one of the builds, the first window in each: side by side where they were opened together. */
async function runOnnx(
  state: EngineState,
  { verifiers, app }: OnnxCheck,
  { folder, files, perplexity_in_app }: VerificationSubject,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<Measured> {
  const { evaluation: windows } = state.requireTexts();
  const names = files.map(({ name }) => name).filter(isOnnxFile);
  const onnx = await Promise.all(names.map(async (name) => ({ name, file: await folder.file(name) })));
  const { builds } = verifiers;
  const shares = sharesOf(windows.count, builds.length);
  const all = shares.flat().length + 1;
  const done = new Map<RuntimeBuild, number>();
  const tell = (build: RuntimeBuild, count: number, step: string) => {
    done.set(build, count);
    const sum = [...done.values()].reduce((total, each) => total + each, 0);
    meter.report({ fraction: sum / all, step, tokens: sum * windows.seqlen });
  };
  const run = async (build: RuntimeBuild, share: readonly number[]): Promise<VerifyResult> => {
    tell(build, 0, `opening the ONNX file in onnxruntime-web (${build})`);
    const step = `running the ONNX file in onnxruntime-web (${build})`;
    const verifier = verifiers.of(build);
    const part = pickWindows(windows, share);
    const onWindow: VerifyOptions['onWindow'] = (index) => tell(build, index + 1, step);
    const onPart: VerifyOptions['onPart'] = (runs, total) =>
      tell(build, (runs / total) * part.count, `${step}, in parts`);
    const job = inSpan(`verification (${build})`, () => verifier.verify(onnx, part, { signal, onWindow, onPart }));
    const result = await job.finally(() => verifier.close());
    countTraffic('files_read', result.bytes_read ?? 0);
    return result;
  };

  const beside = verifiers.areTogether ? builds.map((build, i) => run(build, shares[i])) : [];
  // What is wrong in the first is told, whatever is wrong in others.
  for (const job of beside) job.catch(() => undefined);
  const results: VerifyResult[] = [];
  for (const [i, build] of builds.entries()) {
    const result = await (beside[i] ?? run(build, shares[i]));
    results.push(result);
    const [found, expected] = [result, results[0]].map(({ window_losses }) => Math.exp(window_losses[0]));
    assertEqual(found, expected, `onnxruntime-web's build "${builds[0]}"`);
  }
  const losses = results.map(({ window_losses }) => window_losses);
  const { perplexity } = summarize(mergeLosses(shares, losses));
  assertEqual(perplexity, perplexity_in_app, 'the app');
  const model = onnx.find(({ name }) => name.endsWith('.onnx')) as OnnxFile;
  const { graph } = await readOnnxModel(blobSource(baseName(model.name), model.file));
  const exported = results.map(({ first_logits }) => first_logits);
  return {
    perplexity,
    logits: { app: await app.get(), exported, seqlen: windows.seqlen },
    runtimes: results.map((result, i) => checkOf(builds[i], result)),
    needs_onnxruntime: oldestRuntime(graph),
  };
}

function checkOf(build: RuntimeBuild, { version, parts, window_losses }: VerifyResult): RuntimeCheck {
  return { name: 'onnxruntime-web', version, build, windows: window_losses.length, ...(parts && { parts }) };
}

async function runReopened(
  state: EngineState,
  { folder, files, perplexity_in_app, base = [], model: subjectModel }: VerificationSubject,
  emit: Emit,
  signal: AbortSignal,
): Promise<Measured> {
  const dropped = files.map(async ({ name }) => ({ path: `export/${name}`, blob: await folder.file(name) }));
  const { model } = await openModel([...base, ...(await Promise.all(dropped))]);
  const { perplexity } = await measurePerplexity(state, model, 'verification', emit, signal);
  assertEqual(perplexity, perplexity_in_app, 'the app');
  const { evaluation: windows } = state.requireTexts();
  const logitsOf = (of: DecoderModel) => firstWindowLogits(state.requireBackend(), of, windows, signal);
  const exported = [await logitsOf(model)];
  const logits = { app: await logitsOf(subjectModel), exported, seqlen: windows.seqlen };
  return { perplexity, logits, runtimes: [] };
}

/** max |Δ| over the first window. Throws `verification_failed` when the file's logits are not of the same size. */
function largestDifference({ app, exported, seqlen }: Logits): number {
  let largest = 0;
  for (const found of exported) {
    if (found.length !== app.length) {
      throw new WhittleError({
        code: 'verification_failed',
        message: `The exported file gives ${found.length} logits for the first window.`,
        allowed: `${app.length}: ${seqlen} tokens × the vocabulary`,
        action: 'The file was removed. This is a fault in Whittle: please report it.',
      });
    }
    for (let i = 0; i < app.length; i++) largest = Math.max(largest, Math.abs(app[i] - found[i]));
  }
  return largest;
}

function notVerified(found: number, expected: number, against: string): WhittleError {
  return new WhittleError({
    code: 'verification_failed',
    message: `The exported file gives a perplexity of ${found.toPrecision(6)}, ${against} ${expected.toPrecision(6)}.`,
    allowed: `a relative difference of at most ${PERPLEXITY_TOLERANCE}`,
    action:
      'The file was removed. Measure and export on the other backend (WebGPU or CPU), or in another format; and please report this.',
  });
}
