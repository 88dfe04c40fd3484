/** @file Writes the weights of an export in its format, as streams. */
import type { GgufPrecision } from '../../export/gguf/stored_model.ts';
import { writeGguf } from '../../export/gguf/write_gguf.ts';
import { writeSliced } from '../../export/safetensors/write_sliced.ts';
import { type OnnxOptions, writeOnnx } from '../../export/write_onnx.ts';
import type { ExportFolder } from '../platform.ts';
import { type Emit, memoryReport, ProgressMeter } from '../progress.ts';
import type { BasesReport, ExportedFile } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import { VERSION } from '../version.ts';
import { writeAdapterFiles } from './adapter.ts';
import { ggufSource } from './gguf_source.ts';
import { type ExportOptions, packedForm } from './options.ts';
import type { ExportTarget } from './target.ts';

export async function writeWeights(
  state: EngineState,
  target: ExportTarget,
  { format, precision, external_data }: ExportOptions,
  folder: ExportFolder,
  emit: Emit,
  signal: AbortSignal,
): Promise<ExportedFile[]> {
  const meter = new ProgressMeter(emit, 'export', () => memoryReport(state));
  const onProgress = (done: number, total: number) =>
    meter.report({ fraction: done / total, step: `writing ${format}` });
  const openFile = (name: string) => folder.create(name);
  const common = { onProgress, signal };
  const form = packedForm(format);
  if (format === 'safetensors' || form) {
    const config = state.requireModel().open.raw_config;
    const options = {
      ...common,
      config,
      form,
      method: methodOf(target),
      precision: precision as 'stored' | 'f32' | 'f16',
    };
    return (await writeSliced(target.model, options, openFile)).files;
  }
  if (format === 'peft') return writeAdapterFiles(state, target, openFile, onProgress);
  if (format === 'gguf') {
    const source = ggufSource(state.requireModel().open, target.model);
    const file_type = ggufFileType(target);
    const options = { ...common, precision: precision as GgufPrecision, ...(file_type && { file_type }) };
    return (await writeGguf(source, options, openFile)).files;
  }
  const layout: OnnxOptions['layout'] = format === 'transformers.js' ? 'kv_cache' : 'plain';
  const metadata = metadataOf(state, target);
  const onnx = { ...common, layout, precision, external_data, metadata, producer_version: VERSION };
  return (await writeOnnx(target.model, onnx, openFile)).files;
}

/** Where the last step mixed types by llama.cpp's rules and by nothing else. */
function ggufFileType({ made }: ExportTarget): string | undefined {
  const last = made?.run.steps.at(-1);
  return last?.method === 'gguf' && last.options.mix === undefined ? String(last.options.type) : undefined;
}

/** What was done to the model, as config.json keeps it. */
export function methodOf({ made }: ExportTarget): Record<string, unknown> {
  if (!made) return {};
  const { run } = made;
  const steps = run.steps.map(({ method, options }) => ({ method, options }));
  return { ...(run.bases ? slicingFacts(run.bases) : {}), recipe: run.recipe, steps };
}

/** Facts for people and tools, kept in the file. */
export function metadataOf(state: EngineState, { made }: ExportTarget): Record<string, string> {
  const source = state.requireModel().summary.name;
  if (!made) return { source };
  const facts = made.run.bases ? slicingFacts(made.run.bases) : {};
  const texts = Object.entries(facts).map(([key, value]) => [key, String(value)]);
  return { ...Object.fromEntries(texts), source, recipe: made.run.recipe };
}

function slicingFacts({ options, head, dimension }: BasesReport): Record<string, unknown> {
  const { sparsity, round, schedule, fusion } = options;
  return { method: 'slicegpt', sparsity, dimension, round_interval: round, schedule, fusion, head };
}
