/** @file Writes the weights of an export in its format, as streams. */
import { WhittleError } from '../../errors/errors.ts';
import type { GgufPrecision } from '../../export/gguf/stored_model.ts';
import { ggufRefusal, refused, writeGguf } from '../../export/gguf/write_gguf.ts';
import { assertPacked } from '../../export/safetensors/packed_form.ts';
import { writeSliced } from '../../export/safetensors/write_sliced.ts';
import { cacheRefusal } from '../../export/sized_config.ts';
import { type OnnxOptions, writeOnnx } from '../../export/write_onnx.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { ExportFolder } from '../platform.ts';
import { type Emit, memoryReport, ProgressMeter } from '../progress.ts';
import type { ExportedFile, SliceReport } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import { VERSION } from '../version.ts';
import { ggufSource } from './gguf_source.ts';
import { type ExportOptions, packedForm } from './options.ts';
import type { ExportTarget } from './target.ts';

/** Before anything is measured or written. Throws `bad_option` for a format that cannot express the model. */
export function assertExpressible(state: EngineState, model: DecoderModel, { format }: ExportOptions): void {
  const unfit = format === 'transformers.js' ? cacheRefusal(model) : undefined;
  if (unfit !== undefined) {
    throw new WhittleError({
      code: 'bad_option',
      message: unfit,
      place: { field: 'format' },
      action:
        'Export it as ONNX or safetensors, or prune channels alone (units=channels) by the same share in each layer.',
    });
  }
  const form = packedForm(format);
  if (form) assertPacked(model, form);
  if (format !== 'gguf') return;
  const source = ggufSource(state.requireModel().open, model);
  const reason = ggufRefusal(model, source.raw_config, source, state.texts?.evaluation.seqlen);
  if (reason !== undefined) throw refused(reason);
}

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
  const { run, slice } = made;
  const steps = run.steps.map(({ method, options }) => ({ method, options }));
  return { ...(slice ? slicingFacts(slice) : {}), recipe: run.recipe, steps };
}

/** Facts for people and tools, kept in the file. */
export function metadataOf(state: EngineState, { made }: ExportTarget): Record<string, string> {
  const source = state.requireModel().summary.name;
  if (!made) return { source };
  const facts = made.slice ? slicingFacts(made.slice) : {};
  const texts = Object.entries(facts).map(([key, value]) => [key, String(value)]);
  return { ...Object.fromEntries(texts), source, recipe: made.run.recipe };
}

function slicingFacts({ options, head, dimension }: SliceReport): Record<string, unknown> {
  const { sparsity, round, schedule, fusion } = options;
  return { method: 'slicegpt', sparsity, dimension, round_interval: round, schedule, fusion, head };
}
