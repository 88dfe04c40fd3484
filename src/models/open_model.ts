/** @file From dropped files to a model that is ready to run: headers, config and tokenizer are read, weights are not. */
import { WhittleError } from '../errors/errors.ts';
import { part } from '../errors/part.ts';
import type { Checkpoint } from '../formats/checkpoint.ts';
import { isGgufDrop } from '../formats/gguf/split.ts';
import { type RawConfig, readJsonObject } from '../formats/hf/config.ts';
import { type HfModel, type ModelFile, openModelFiles, type TokenizerSources } from '../formats/hf/files.ts';
import { withoutLeftOvers } from '../formats/hf/left_over_config.ts';
import type { CardLicence } from '../formats/hf/licence_files.ts';
import { readQuantization } from '../formats/hf/quantization_config.ts';
import type { Adapter } from '../formats/peft/adapter.ts';
import { takeAdapter } from '../formats/peft/find_adapter.ts';
import { mergeAdapter } from '../formats/peft/merged.ts';
import { withUnpacked } from '../formats/safetensors/packed/scheme.ts';
import { bareFloat8Notes, widenFloats } from '../formats/safetensors/widen.ts';
import type { ByteSource } from '../formats/source.ts';
import { loadTokenizer, type Tokenizer } from '../formats/tokenizer/tokenizer.ts';
import { adaptedEnds } from './build/adapted_ends.ts';
import { chooseNames } from './build/choose_names.ts';
import { explainForm } from './build/stored_form.ts';
import { settleHead } from './build/tied_head.ts';
import { unwrapNames } from './build/wrapped_names.ts';
import { type BuiltModel, buildDecoderModel } from './build_model.ts';
import { judgeConfigKeys } from './config_keys/judge.ts';
import type { DecoderModel, ModelConfig } from './decoder_model.ts';
import { ARCHITECTURES } from './families/families.ts';
import { findArchitecture } from './find_architecture.ts';
import { explainOnnx } from './onnx/explain.ts';
import { withoutNormOffset } from './onnx/folded_norms.ts';
import { hasDescription, readDescription, sourceConfig } from './sliced/description.ts';
import { modelFromDescription } from './sliced/from_description.ts';

export type { ModelFile } from '../formats/hf/files.ts';

/** What is known of a model before its tokenizer is read. */
export interface KnownModel {
  /** The folder's name, or what the config calls itself. */
  readonly name: string;
  readonly config: ModelConfig;
  /** config.json as it stands, for re-export. */
  readonly raw_config: RawConfig;
  readonly model: DecoderModel;
  readonly checkpoint: Checkpoint;
  /** The weight files. */
  readonly files: readonly { name: string; bytes: number }[];
  /** What the source says of its licence. */
  readonly licence?: CardLicence;
  /** For people: what is odd but not wrong. */
  readonly warnings: readonly string[];
}

export interface OpenModel extends KnownModel {
  /** Config, tokenizer and companions, byte for byte, for re-export. */
  readonly tokenizer_files: readonly { name: string; bytes: Uint8Array }[];
  readonly tokenizer: Tokenizer;
}

/**
 * With a LoRA merged into it, where one of PEFT's lies beside. Throws every bad-input code of {@link ErrorCode}; no weight is read.
 * @param tell Called with what is known before the tokenizer, which takes longer than all the rest: a hundred thousand merges.
 */
export async function openModel(all: readonly ModelFile[], tell?: (known: KnownModel) => void): Promise<OpenModel> {
  const { base: files, adapter } = await takeAdapter(all);
  const found = await (isGgufDrop(files) ? openGguf(files) : openModelFiles(files));
  const raw = await readJsonObject(found.config);
  const { model, checkpoint, warnings, raw_config } = await explainOnnx(found.onnx, () =>
    buildModel(found, raw, adapter),
  );
  const { config } = model;
  const notes = [...found.warnings, ...warnings];
  if (raw.auto_map !== undefined) notes.push('The config points to code of its own (auto_map); it is never run.');
  const known: KnownModel = {
    name: found.name ?? nameFromConfig(raw) ?? config.architecture,
    config,
    raw_config,
    model,
    checkpoint,
    files: [...found.weights, ...(adapter ? [adapter.weights] : [])].map(({ name, size }) => ({ name, bytes: size })),
    ...(found.licence && { licence: found.licence }),
    warnings: notes,
  };
  tell?.(known);
  const sources = await found.readTokenizer();
  const tokenizer = await openTokenizer(sources, config.vocab_size);
  const small = [found.config, sources.tokenizer, sources.tokenizer_config, ...found.companions];
  return {
    ...known,
    tokenizer_files: await Promise.all(small.filter((source) => source !== undefined).map(wholeFile)),
    tokenizer,
    warnings: [...notes, ...sources.warnings, ...tokenizerNotes(tokenizer, config.vocab_size)],
  };
}

function tokenizerNotes({ notes = [], vocab_size }: Tokenizer, embedded: number): string[] {
  if (vocab_size <= embedded) return [...notes];
  return [
    ...notes,
    `The tokenizer has ids up to ${vocab_size - 1}, the model embeds only ${embedded} tokens; a text that uses the rest is refused.`,
  ];
}

async function openGguf(files: readonly ModelFile[]): Promise<HfModel> {
  const { openGgufFiles } = await part(() => import('../formats/gguf/open.ts'));
  return openGgufFiles(files);
}

interface Built extends BuiltModel {
  readonly checkpoint: Checkpoint;
  readonly raw_config: RawConfig;
}

/** From its own description, where Whittle wrote the config, else by the family that the config names. */
async function buildModel(found: HfModel, raw: RawConfig, adapter: Adapter | undefined): Promise<Built> {
  const { name } = found.config;
  const quantization = readQuantization(raw, name, found.checkpoint.tensors, await quantizationFile(found));
  const { widen, packed } = quantization;
  const base = widenFloats(await withUnpacked(found.checkpoint, packed), widen);
  const merged = (checkpoint: Checkpoint) => (adapter ? mergeAdapter(checkpoint, adapter) : { checkpoint, notes: [] });
  const formNotes = [...quantization.notes, ...bareFloat8Notes(base)];
  if (hasDescription(raw)) {
    const { checkpoint, notes } = merged(base);
    const built = modelFromDescription(readDescription(raw, name), checkpoint, name);
    return {
      ...built,
      warnings: [...formNotes, ...notes, ...built.warnings],
      checkpoint,
      raw_config: sourceConfig(raw),
    };
  }
  const architecture = findArchitecture(raw, name);
  const asked = architecture.readConfig(raw, name);
  const names = chooseNames(architecture, asked, base);
  const ends = adapter ? adaptedEnds(base, names, asked, adapter) : { checkpoint: base, config: asked, notes: [] };
  const { checkpoint: widened, notes: adapted } = merged(ends.checkpoint);
  const notes = [...formNotes, ...adapted, ...ends.notes];
  const unwrapped = unwrapNames(widened, names);
  const { checkpoint: settled, config, notes: head } = await settleHead(unwrapped.checkpoint, names, ends.config);
  const checkpoint = found.onnx
    ? withoutNormOffset(settled, found.onnx.folded, config.norm.weight_offset ?? 0)
    : settled;
  const built = explainForm(checkpoint, () => buildDecoderModel(architecture, config, checkpoint));
  const said = withoutLeftOvers(raw, found.checkpoint.tensors);
  const keys = judgeConfigKeys(said, name, architecture, ARCHITECTURES);
  return {
    ...built,
    checkpoint,
    raw_config: asked.tie_word_embeddings === config.tie_word_embeddings ? raw : untied(raw),
    warnings: [...notes, ...unwrapped.notes, ...head, ...keys, ...built.warnings],
  };
}

/** What says how weights are quantised where config.json does not. */
async function quantizationFile({ hf_quant_config, quantize_config }: HfModel) {
  const source = hf_quant_config ?? quantize_config;
  return source && { raw: await readJsonObject(source), file: source.name };
}

/** The config of a model whose head turned out to be a matrix of its own. */
function untied(raw: RawConfig): RawConfig {
  const { text_config } = raw;
  const own = { ...raw, tie_word_embeddings: false };
  if (typeof text_config !== 'object' || text_config === null) return own;
  return { ...own, text_config: { ...text_config, tie_word_embeddings: false } };
}

/** Errors that do not say what a part may be say at least what the file has to be. */
async function openTokenizer(
  { tokenizer, tokenizer_config, older }: TokenizerSources,
  vocab_size: number,
): Promise<Tokenizer> {
  try {
    return await loadTokenizer(tokenizer, tokenizer_config, vocab_size, older);
  } catch (error) {
    if (!(error instanceof WhittleError) || error.allowed !== undefined) throw error;
    const allowed = 'a tokenizer.json as the library tokenizers 0.23 or transformers 5 writes it';
    throw new WhittleError({ ...error.toData(), allowed }, { cause: error });
  }
}

async function wholeFile(source: ByteSource): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  const { name, made } = source;
  if (!made) return { name, bytes: await source.read(0, source.size) };
  return {
    name,
    get bytes() {
      return made.bytes();
    },
  };
}

function nameFromConfig(raw: RawConfig): string | undefined {
  const path = raw._name_or_path;
  return (typeof path === 'string' && path.split(/[/\\]/).filter(Boolean).pop()) || undefined;
}
