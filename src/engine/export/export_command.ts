/**
 * @file Command `export`: writes a model in one format with tokenizer, config, model card and report.json, then opens what
 * was written and compares it with the app (invariant 3). An export that fails the comparison is removed, never offered.
 */

import { hasRoundedScales } from '../../export/gguf/grouped_blocks.ts';
import { type GgufPrecision, ggufModel } from '../../export/gguf/stored_model.ts';
import { quantizedModel } from '../../export/precision.ts';
import { keepFor } from '../../export/safetensors/packed_form.ts';
import type { ModelFile } from '../../formats/hf/files.ts';
import { type DecoderModel, storedWeights, type WeightRef } from '../../models/decoder_model.ts';
import { inputLabels } from '../../models/input_quantization.ts';
import { modelBytes } from '../../models/model_size.ts';
import { isFloatType } from '../../tensor/dtype.ts';
import { measureNumbers, type Numbers } from '../measure_commands.ts';
import type { EnginePlatform } from '../platform.ts';
import type { Emit } from '../progress.ts';
import type { Commands, ExportReport } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import { assertStorage } from '../storage_check.ts';
import { buildsFor } from '../verify/builds.ts';
import { assertVerifiable } from '../verify/verifiable.ts';
import { adapterBaseOf, adapterNote, withBaseFiles } from './adapter.ts';
import { AppLogits } from './app_logits.ts';
import { writeCompanions, writeReport } from './companions.ts';
import { adapterReason, formatRefusal, NOTHING_TRAINED } from './format_refusal.ts';
import { fileNotes } from './notes.ts';
import { type ExportOptions, exportKey, exportOptions, isOnnxFormat, packedForm } from './options.ts';
import { type ExportTarget, exportedModel, exportTarget } from './target.ts';
import { OnnxVerifiers } from './verifiers.ts';
import { verifyExport } from './verify_export.ts';
import { writeWeights } from './write_weights.ts';

/** Graph, tokenizer and headers, beside the weights. */
const BESIDE_WEIGHTS = 1.02;

export async function exportCommand(
  state: EngineState,
  platform: EnginePlatform,
  request: Commands['export']['request'],
  emit: Emit,
  signal: AbortSignal,
): Promise<ExportReport> {
  const options = exportOptions(request.options);
  const open = state.requireModel().open;
  const seqlen = state.texts?.evaluation.seqlen;
  const no_adapter = request.id === 'dense' ? NOTHING_TRAINED : adapterReason(state.requireRun(request.id));
  const { format } = options;
  const refusal = formatRefusal({ model: exportedModel(state, request.id), open, format, seqlen, no_adapter });
  if (refusal) throw refusal;
  if (isOnnxFormat(options.format)) {
    assertVerifiable(exportedModel(state, request.id), state.requireTexts().evaluation.seqlen);
  }
  // Formats without a build are opened by the engine itself.
  const builds = buildsFor(options.format);
  const verifiers =
    builds.length > 0
      ? new OnnxVerifiers(platform, builds, sizesOf(state, exportedModel(state, request.id)))
      : undefined;
  try {
    return await writeAndVerify(state, platform, request.id, options, verifiers, emit, signal);
  } finally {
    verifiers?.close();
  }
}

async function writeAndVerify(
  state: EngineState,
  platform: EnginePlatform,
  id: string,
  options: ExportOptions,
  verifiers: OnnxVerifiers | undefined,
  emit: Emit,
  signal: AbortSignal,
): Promise<ExportReport> {
  const target = await exportTarget(state, platform, id, emit, signal);
  const model = await fileModel(target.model, options, signal);
  const in_app = await numbersOf(state, target, model, options, emit, signal);
  const { divergence } = in_app;
  const key = exportKey(options);
  // An adapter lies beside its base while both are checked.
  // Its bytes are the model's, whatever it was calibrated on.
  await assertStorage(platform, `Exporting ${options.format}`, Math.ceil(BESIDE_WEIGHTS * modelBytes(model)), '');
  await target.exports.get(key)?.remove();
  target.exports.delete(key);
  const folder = await platform.createExportFolder(`${target.id}.${key}`);
  const head_inputs = measuredInputs(state, target, model, in_app);
  const onnx = verifiers && { verifiers, app: new AppLogits(state, model, signal, head_inputs) };
  try {
    const started = performance.now();
    const files = await writeWeights(state, target, options, folder, emit, signal);
    files.push(...(await writeCompanions(state, target, options, files, folder)));
    const written = performance.now();
    const subject = { folder, files, model, in_app };
    const verify = (base?: readonly ModelFile[]) =>
      verifyExport(state, onnx, { ...subject, ...(base && { base }) }, emit, signal);
    const isAdapter = options.format === 'peft';
    const checked = await (isAdapter ? withBaseFiles(state, platform, target, signal, verify) : verify());
    const report: ExportReport = {
      id: target.id,
      options,
      folder: folder.path,
      files,
      verified: true,
      ...checked,
      notes: [
        ...(isAdapter ? [adapterNote(adapterBaseOf(state, target))] : []),
        ...fileNotes(
          target.model,
          options.format,
          state.requireModel().open.raw_config,
          target.made?.run.bases !== undefined,
        ),
      ],
      perplexity_in_app: in_app.perplexity,
      ...(divergence && { divergence }),
      duration_ms: { export: written - started, verification: performance.now() - written },
    };
    report.files.push(...(await writeReport(state, target, report, folder)));
    target.exports.set(key, folder);
    return report;
  } catch (error) {
    await folder.remove();
    throw error;
  } finally {
    await onnx?.app.end();
  }
}

function sizesOf(state: EngineState, model: DecoderModel) {
  const logits_bytes = 4 * state.requireTexts().evaluation.seqlen * model.lm_head.weight.shape[0];
  return { model_bytes: modelBytes(model), logits_bytes };
}

/** Whose numbers the file will hold. */
function fileModel(
  model: DecoderModel,
  { format, precision }: ExportOptions,
  signal: AbortSignal,
): Promise<DecoderModel> {
  if (format === 'gguf') return ggufModel(model, precision as GgufPrecision, signal);
  const keepPacked = isOnnxFormat(format);
  return quantizedModel(model, precision, { signal, keepPacked, keep: keepFor(packedForm(format)) });
}

/**
 * What the head read of the first windows, where the file holds the very weights that were measured. Not of grouped integers: a
 * backend may round what those are multiplied with, and whoever compares logits looks for the least difference.
 */
function measuredInputs(
  state: EngineState,
  { model, evaluation }: ExportTarget,
  written: DecoderModel,
  in_app: Numbers,
): readonly Float32Array[] | undefined {
  if (in_app !== evaluation || inputLabels(model).length > 0) return undefined;
  const measured = storedWeights(model);
  const isSame = (ref: WeightRef, i: number) => ref === measured[i] && isFloatType(ref.dtype) && !ref.packed;
  return storedWeights(written).every(isSame) ? state.headInputs.get(evaluation) : undefined;
}

/** Of the numbers that the file holds: measured anew where they are others than the chart's. */
async function numbersOf(
  state: EngineState,
  target: ExportTarget,
  model: DecoderModel,
  { precision, format }: ExportOptions,
  emit: Emit,
  signal: AbortSignal,
): Promise<Numbers> {
  // What `stored` changes is rounding of a type that ONNX lacks, far below the tolerance.
  const isRounded =
    (inputLabels(target.model).length > 0 && !isOnnxFormat(format)) ||
    (format === 'gguf' && storedWeights(target.model).some(hasRoundedScales));
  if (precision === 'stored' && !isRounded) return target.evaluation;
  return measureNumbers(state, model, emit, signal);
}
