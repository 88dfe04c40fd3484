/** @file The small files of an export: config, generation config, tokenizer, model card and report. */
import { requireMethod } from '../../compress/registry.ts';
import { configText } from '../../export/config_text.ts';
import { type CardFacts, modelCard } from '../../export/model_card.ts';
import { adapterCard } from '../../export/peft/adapter_card.ts';
import { SLICING_CONFIG_FILE } from '../../export/safetensors/write_sliced.ts';
import { sizedConfig } from '../../export/sized_config.ts';
import { generationConfig, transformersConfig } from '../../export/transformers_config.ts';
import { writeFile } from '../../export/write_file.ts';
import { isLicenceFile } from '../../formats/hf/licence_files.ts';
import { madePortable, parsePythonJson, portableJson } from '../../formats/hf/python_json.ts';
import { describeModel } from '../../models/sliced/describe.ts';
import { weightNames } from '../../models/sliced/weight_names.ts';
import type { ExportFolder } from '../platform.ts';
import { memoryReport } from '../progress.ts';
import type { ExportedFile, ExportReport, PerplexityReport, PlannedMemory, RunReport } from '../protocol.ts';
import { memoryPlanOf, recipeMemory } from '../recipe_memory.ts';
import { buildReport, REPORT_FILE } from '../report.ts';
import type { EngineState } from '../state.ts';
import { VERSION } from '../version.ts';
import { adapterBaseOf, requireAdapter } from './adapter.ts';
import { type ExportOptions, isOnnxFormat, packedForm, runtimeName } from './options.ts';
import type { ExportTarget } from './target.ts';
import { methodOf } from './write_weights.ts';

const CONFIG_FILE = 'config.json';
const GENERATION_FILE = 'generation_config.json';
const CARD_FILE = 'README.md';

/**
 * The tokenizer's files as they were opened, and config.json where the weights' writer has not made it. A GGUF file holds all
 * of that itself, and an adapter's base has it, but no text of a licence.
 */
export async function writeCompanions(
  state: EngineState,
  target: ExportTarget,
  { format, precision }: ExportOptions,
  weights: readonly ExportedFile[],
  folder: ExportFolder,
): Promise<ExportedFile[]> {
  const { open } = state.requireModel();
  if (format === 'gguf' || format === 'peft') {
    const licences = open.tokenizer_files.filter(({ name }) => isLicenceFile(name));
    return Promise.all(licences.map(({ name, bytes }) => written(folder, name, bytes)));
  }
  const own = new Map(open.tokenizer_files.map(({ name, bytes }) => [name, bytes]));
  own.delete(CONFIG_FILE);
  const generation = generationConfig(open.raw_config, parsed(own.get(GENERATION_FILE)));
  own.set(GENERATION_FILE, json(generation));
  if (isOnnxFormat(format)) {
    const names = weights.map(({ name }) => name);
    const { quantization_config: _, ...raw } = open.raw_config;
    const config =
      format === 'onnx' ? sizedConfig(raw, target.model) : transformersConfig(raw, target.model, precision, names);
    const whittle = { ...methodOf(target), decoder: describedModel(target) };
    own.set(CONFIG_FILE, new TextEncoder().encode(configText({ ...config, whittle })));
  }
  const files: ExportedFile[] = [];
  for (const [name, bytes] of own) files.push(await written(folder, name, portable(name, bytes)));
  return files;
}

/** Byte for byte, save for JSON that only Python reads (`"model_max_length": Infinity`): a browser's tools stop at it. */
function portable(name: string, bytes: Uint8Array): Uint8Array {
  const text = name.endsWith('.json') ? madePortable(new TextDecoder().decode(bytes)) : undefined;
  return text === undefined ? bytes : new TextEncoder().encode(text);
}

/** By which Whittle opens its own files again, whatever family the model came from. */
function describedModel({ model }: ExportTarget) {
  return describeModel(model, weightNames(model));
}

/** Undefined for what is no JSON object (a cut download): no reason to fail an export. */
function parsed(bytes: Uint8Array | undefined): Record<string, unknown> | undefined {
  if (!bytes) return undefined;
  try {
    const value: unknown = parsePythonJson(new TextDecoder().decode(bytes));
    return typeof value === 'object' && !Array.isArray(value)
      ? ((value ?? undefined) as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** README.md: what the file is, how good, how to load it. Written last, because it names the file's own perplexity. */
async function writeCard(
  state: EngineState,
  target: ExportTarget,
  { options, files, perplexity, runtimes, notes, needs_onnxruntime = '' }: ExportReport,
  folder: ExportFolder,
): Promise<ExportedFile[]> {
  const { summary, open } = state.requireModel();
  const { made, evaluation } = target;
  const { format } = options;
  const bases = made?.run.bases;
  if (format === 'peft') return [await written(folder, CARD_FILE, adapterText(state, target, { perplexity, notes }))];
  const dense = { parameters: summary.parameters, perplexity: state.dense?.report.perplexity ?? evaluation.perplexity };
  const card = modelCard({
    name: summary.name,
    ...open.licence,
    ...(format === 'gguf' && { format }),
    ...((format === 'safetensors' || packedForm(format)) && { format: 'safetensors' as const }),
    // What transformers cannot express has the slicing config beside it.
    is_dense_family: files.every(({ name }) => name !== SLICING_CONFIG_FILE),
    layout: format === 'onnx' ? 'plain' : 'kv_cache',
    precision: options.precision,
    files,
    parameters: made?.run.parameters ?? summary.parameters,
    dense,
    perplexity,
    runtimes: runtimes.map(runtimeName),
    notes,
    needs_onnxruntime,
    ...(bases && { slicing: { ...bases.options, head: bases.head, dimension: bases.dimension } }),
    ...(made && !bases && { recipe: recipeFacts(made.run, evaluation) }),
    protocol: evaluation.protocol,
    warnings: summary.warnings,
    version: VERSION,
  });
  return [await written(folder, CARD_FILE, new TextEncoder().encode(card))];
}

function adapterText(
  state: EngineState,
  target: ExportTarget,
  { perplexity, notes }: Pick<ExportReport, 'perplexity' | 'notes'>,
): Uint8Array {
  const { adapter, run } = requireAdapter(target);
  const { evaluation } = target;
  const card = adapterCard({
    ...state.requireModel().open.licence,
    ...adapterBaseOf(state, target),
    ...{ rank: adapter.rank, alpha: adapter.alpha },
    parameters: run.steps.at(-1)?.training?.adapter?.parameters ?? 0,
    dense_perplexity: state.dense?.report.perplexity ?? evaluation.perplexity,
    // Which base it belongs to stands at the card's head.
    ...{ perplexity, notes: notes.slice(1), protocol: evaluation.protocol, version: VERSION },
  });
  return new TextEncoder().encode(card);
}

function recipeFacts(run: RunReport, { divergence }: PerplexityReport): NonNullable<CardFacts['recipe']> {
  const names = [...new Set(run.steps.map(({ method }) => method))];
  return {
    text: run.recipe,
    methods: names.map((name) => {
      const { label, paper, group } = requireMethod(name).about;
      return { name, label, ...(paper && { paper }), is_quantising: group === 'quantise' };
    }),
    bits_per_weight: run.bits_per_weight,
    ...(divergence && {
      kl_divergence: divergence.kl_divergence,
      top1_agreement: divergence.top1_agreement,
    }),
  };
}

/** Model card and report of this one export: times are those of its own steps. */
export async function writeReport(
  state: EngineState,
  target: ExportTarget,
  exported: ExportReport,
  folder: ExportFolder,
): Promise<ExportedFile[]> {
  const { made, evaluation } = target;
  const card = await writeCard(state, target, exported, folder);
  const backend = state.requireBackend();
  const { dense } = state;
  if (!dense) throw new Error('An export is reported before the dense model was measured.');
  const timings = {
    load: state.load_ms,
    dense_evaluation: dense.duration_ms,
    compression: made?.run.duration_ms ?? 0,
    evaluation: made?.evaluation?.duration_ms ?? 0,
    ...exported.duration_ms,
  };
  const report = buildReport({
    summary: state.requireModel().summary,
    protocol: evaluation.protocol,
    backend: backend.info,
    dense: dense.report,
    dense_tasks: state.denseScores,
    dense_exports: made ? [] : [exported],
    runs: made ? [{ run: made.run, evaluation, tasks: made.scores, exports: [exported] }] : [],
    timings_ms: { ...timings, total: Object.values(timings).reduce((sum, ms) => sum + ms, 0) },
    memory: memoryReport(state),
    is_calibrated: state.calibrated.size > 0,
    ...(made && !made.run.bases && { planned: plannedRun(state, made.run) }),
  });
  return [...card, await written(folder, REPORT_FILE, json(report))];
}

function plannedRun(state: EngineState, { steps }: RunReport): PlannedMemory[] {
  const plan = memoryPlanOf(state);
  return plan ? [recipeMemory(state.requireModel().open.model, steps, plan)] : [];
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${portableJson(value, 2)}\n`);
}

function written(folder: ExportFolder, name: string, bytes: Uint8Array): Promise<ExportedFile> {
  return writeFile((path) => folder.create(path), name, [bytes]);
}
