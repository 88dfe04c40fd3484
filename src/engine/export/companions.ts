/** @file The small files of an export: config, tokenizer, model card and report. */
import { Sha256 } from '../../formats/sha256.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { ExportFolder } from '../platform.ts';
import { memoryReport } from '../progress.ts';
import type { ExportedFile, ExportReport } from '../protocol.ts';
import { buildReport, REPORT_FILE } from '../report.ts';
import type { EngineState } from '../state.ts';
import type { ExportOptions } from './options.ts';
import type { ExportTarget } from './target.ts';

/** config.json with what was done to the model, and the tokenizer's files as they were opened. */
export async function writeCompanions(
  state: EngineState,
  target: ExportTarget,
  _options: ExportOptions,
  _model: DecoderModel,
  folder: ExportFolder,
): Promise<ExportedFile[]> {
  const { open } = state.requireModel();
  const files = [await writeFile(folder, 'config.json', json(exportedConfig(open.raw_config, target)))];
  for (const { name, bytes } of open.tokenizer_files) {
    if (name !== 'config.json') files.push(await writeFile(folder, name, bytes));
  }
  return files;
}

/** The original config plus what slicing did; sizes of the original architecture stay as they were. */
function exportedConfig(raw: Readonly<Record<string, unknown>>, { slice }: ExportTarget): Record<string, unknown> {
  if (!slice) return raw;
  const { options, head, dimension } = slice.report;
  const { sparsity, round, schedule, fusion } = options;
  return {
    ...raw,
    whittle: { method: 'slicegpt', sparsity, dimension, round_interval: round, schedule, fusion, head },
  };
}

/** The report of this one export: times are those of its own steps. */
export async function writeReport(
  state: EngineState,
  { slice, evaluation }: ExportTarget,
  exported: ExportReport,
  folder: ExportFolder,
): Promise<ExportedFile[]> {
  const backend = state.requireBackend();
  const { dense } = state;
  if (!dense) throw new Error('An export is reported before the dense model was measured.');
  const timings = {
    load: state.load_ms,
    dense_evaluation: dense.duration_ms,
    calibration_and_slicing: slice?.report.duration_ms ?? 0,
    evaluation: slice?.evaluation?.duration_ms ?? 0,
    ...exported.duration_ms,
  };
  const report = buildReport({
    summary: state.requireModel().summary,
    protocol: evaluation.protocol,
    backend: backend.info,
    dense: dense.report,
    dense_exports: slice ? [] : [exported],
    sliced: slice ? [{ slice: slice.report, evaluation, exports: [exported] }] : [],
    timings_ms: { ...timings, total: Object.values(timings).reduce((sum, ms) => sum + ms, 0) },
    memory: memoryReport(backend),
  });
  return [await writeFile(folder, REPORT_FILE, json(report))];
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
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
