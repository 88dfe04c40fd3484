/**
 * @file Command `export`: writes ONNX, tokenizer, config and report.json, then runs the ONNX in onnxruntime-web and
 * compares it with the app (invariant 3). An export that fails the comparison is removed, never offered.
 */
import { WhittleError } from '../errors/errors.ts';
import { DATA_FILE, MODEL_FILE, writeOnnx } from '../export/write_onnx.ts';
import { Sha256 } from '../formats/sha256.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { firstWindowLogits, summarize } from '../runtime/perplexity.ts';
import { evaluateCommand } from './measure_commands.ts';
import type { EnginePlatform, ExportFolder } from './platform.ts';
import { type Emit, memoryReport, ProgressMeter } from './progress.ts';
import type { ExportedFile, ExportReport, PerplexityReport } from './protocol.ts';
import { buildReport, REPORT_FILE } from './report.ts';
import type { EngineState, SlicedModel } from './state.ts';

/** Largest relative difference between the perplexity of the file and the one on the chart (invariant 3). */
export const PERPLEXITY_TOLERANCE = 1e-3;

export async function exportCommand(
  state: EngineState,
  platform: EnginePlatform,
  id: string,
  external_data: 'auto' | 'always',
  emit: Emit,
  signal: AbortSignal,
): Promise<ExportReport> {
  const slice = state.requireSlice(id);
  if (!state.dense) await evaluateCommand(state, 'dense', emit, signal);
  const evaluation = slice.evaluation?.report ?? (await evaluateCommand(state, id, emit, signal));
  await slice.exported?.remove();
  slice.exported = undefined;
  const folder = await platform.createExportFolder(id);
  try {
    const started = performance.now();
    const files = await writeModelFiles(state, slice, folder, external_data, emit, signal);
    const written = performance.now();
    const checked = await verify(state, platform, slice, folder, files, evaluation, emit, signal);
    const report: ExportReport = {
      id,
      folder: folder.path,
      files,
      verified: true,
      ...checked,
      perplexity_in_app: evaluation.perplexity,
      duration_ms: { export: written - started, verification: performance.now() - written },
    };
    report.files.push(await writeReport(state, slice, report, folder));
    slice.exported = folder;
    return report;
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

async function writeModelFiles(
  state: EngineState,
  slice: SlicedModel,
  folder: ExportFolder,
  external_data: 'auto' | 'always',
  emit: Emit,
  signal: AbortSignal,
): Promise<ExportedFile[]> {
  const { open, summary } = state.requireModel();
  const meter = new ProgressMeter(emit, 'export', () => memoryReport(state.backend));
  const { report } = slice;
  const metadata = {
    method: 'slicegpt',
    source: summary.name,
    sparsity: String(report.options.sparsity),
    dimension: String(report.dimension),
    schedule: report.options.schedule,
    fusion: report.options.fusion,
    head: report.head,
  };
  const onProgress = (done: number, total: number) =>
    meter.report({ fraction: done / total, step: `writing ${MODEL_FILE}` });
  const { files } = await writeOnnx(slice.model, { external_data, metadata, onProgress, signal }, (name) =>
    folder.create(name),
  );
  const config = new TextEncoder().encode(`${JSON.stringify(slicedConfig(open.raw_config, slice), null, 2)}\n`);
  const others = open.tokenizer_files.filter(({ name }) => name !== 'config.json');
  for (const { name, bytes } of [{ name: 'config.json', bytes: config }, ...others]) {
    files.push(await writeFile(folder, name, bytes));
  }
  return files;
}

/** The original config plus what slicing did; sizes of the original architecture stay as they were. */
function slicedConfig(raw: Readonly<Record<string, unknown>>, slice: SlicedModel): Record<string, unknown> {
  const { options, head, dimension } = slice.report;
  const { sparsity, round, schedule, fusion } = options;
  return {
    ...raw,
    whittle: { method: 'slicegpt', sparsity, dimension, round_interval: round, schedule, fusion, head },
  };
}

async function writeFile(folder: ExportFolder, name: string, bytes: Uint8Array): Promise<ExportedFile> {
  const sink = await folder.create(name);
  try {
    await sink.write(bytes);
  } finally {
    await sink.close();
  }
  const hash = new Sha256();
  hash.update(bytes);
  return { name, bytes: bytes.byteLength, sha256: hash.digest() };
}

async function verify(
  state: EngineState,
  platform: EnginePlatform,
  slice: SlicedModel,
  folder: ExportFolder,
  files: readonly ExportedFile[],
  evaluation: PerplexityReport,
  emit: Emit,
  signal: AbortSignal,
): Promise<{ perplexity: number; max_abs_logit_difference: number }> {
  const { evaluation: windows } = state.requireTexts();
  const meter = new ProgressMeter(emit, 'verification', () => memoryReport(state.backend));
  const step = 'running the ONNX file in onnxruntime-web';
  meter.report({ fraction: 0, step: 'opening the ONNX file in onnxruntime-web' });
  const names = files.map(({ name }) => name).filter((name) => name === MODEL_FILE || name === DATA_FILE);
  const onnx = await Promise.all(names.map(async (name) => ({ name, file: await folder.file(name) })));
  const result = await platform.verify(onnx, windows, {
    signal,
    onWindow: (index) =>
      meter.report({ fraction: (index + 1) / (windows.count + 1), step, tokens: (index + 1) * windows.seqlen }),
  });
  const { perplexity } = summarize(result.window_losses);
  const relative = Math.abs(perplexity / evaluation.perplexity - 1);
  if (!(relative <= PERPLEXITY_TOLERANCE)) throw notVerified(perplexity, evaluation.perplexity);
  const max_abs_logit_difference = await compareLogits(state, slice.model, result.first_logits, signal);
  meter.report({ fraction: 1, step });
  return { perplexity, max_abs_logit_difference };
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
    message: `onnxruntime-web gives the exported file a perplexity of ${found.toPrecision(6)}, the app ${expected.toPrecision(6)}.`,
    allowed: `a relative difference of at most ${PERPLEXITY_TOLERANCE}`,
    action: 'The file was removed. Export again; if it fails again, try the CPU backend and report this.',
  });
}

/** The report of this one export: times are those of its own steps. */
async function writeReport(
  state: EngineState,
  slice: SlicedModel,
  exported: ExportReport,
  folder: ExportFolder,
): Promise<ExportedFile> {
  const backend = state.requireBackend();
  const { dense } = state;
  const { evaluation } = slice;
  if (!dense || !evaluation) throw new Error('An export is reported before it was measured.');
  const timings = {
    load: state.load_ms,
    dense_evaluation: dense.duration_ms,
    calibration_and_slicing: slice.report.duration_ms,
    evaluation: evaluation.duration_ms,
    ...exported.duration_ms,
  };
  const report = buildReport({
    summary: state.requireModel().summary,
    protocol: evaluation.report.protocol,
    backend: backend.info,
    dense: dense.report,
    sliced: [{ slice: slice.report, evaluation: evaluation.report, exported }],
    timings_ms: { ...timings, total: Object.values(timings).reduce((sum, ms) => sum + ms, 0) },
    memory: memoryReport(backend),
  });
  return writeFile(folder, REPORT_FILE, new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`));
}
