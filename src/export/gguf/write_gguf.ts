/** @file Writes a `DecoderModel` as one GGUF file that llama.cpp runs, where its graphs can express the model. */
import { WhittleError } from '../../errors/errors.ts';
import { type GgufTensorToWrite, writeGguf as ggufChunks } from '../../formats/gguf/write.ts';
import type { RawConfig } from '../../formats/hf/config.ts';
import type { CardLicence } from '../../formats/hf/licence_files.ts';
import type { FileSink, WrittenFile } from '../../formats/sink.ts';
import type { DecoderModel, ModelOutline, WeightRef } from '../../models/decoder_model.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import { elementCount } from '../../tensor/shape.ts';
import { writeFile } from '../write_file.ts';
import { differenceNotes, ignoredWindow } from './differences.ts';
import { graphOf } from './graphs.ts';
import { generalMetadata, licenceMetadata, type Metadata, modelMetadata } from './metadata.ts';
import { expressModel } from './refusal.ts';
import { type GgufPrecision, ggufModel } from './stored_model.ts';
import { type GgufWeight, ggufWeights } from './tensors.ts';
import { NotCarried } from './tokenizer/token_table.ts';
import { type TokenizerFiles, tokenizerMetadata } from './tokenizer/tokenizer_metadata.ts';

export type { TokenizerFiles } from './tokenizer/tokenizer_metadata.ts';

export const GGUF_FILE = 'model.gguf';

/** Bytes read at a time. */
const CHUNK_BYTES = 8 * 2 ** 20;

/** A model and what its file says besides weights. */
export interface GgufSource extends TokenizerFiles {
  readonly model: DecoderModel;
  /** config.json: where the canonical model keeps only what follows from it, its own numbers are written. */
  readonly raw_config: RawConfig;
  /** For people: `general.name`. */
  readonly name: string;
  /** Of the source: `general.license` and its like. */
  readonly licence?: CardLicence;
}

export interface GgufOptions {
  /**
   * Absent: `stored`. Blocks of a model that came from GGUF stay as they are; F8 becomes F16. Vectors are always F32, and
   * integers that a recipe or another tool packed are blocks in any precision (`grouped_blocks.ts`).
   */
  readonly precision?: GgufPrecision;
  /** As llama-quantize names it, where the types were mixed by its rules: "q4_k_m". Absent: the type of most bytes. */
  readonly file_type?: string;
  /** Bytes of weights written so far, and in all. */
  readonly onProgress?: (written: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * One sentence for people that says why no GGUF file computes what the model does; undefined where one does. What
 * llama.cpp computes otherwise on texts that nobody asks for is no reason: {@link ggufNotes} says it.
 * @param tokenizer Absent: the tokenizer is not looked at.
 * @param length Tokens of the longest text that must be right; absent: none is looked at.
 */
export function ggufRefusal(
  model: ModelOutline,
  raw_config: RawConfig,
  tokenizer?: TokenizerFiles,
  length = 0,
): string | undefined {
  const expressed = expressModel(model, raw_config);
  if (typeof expressed === 'string') return expressed;
  const window = ignoredWindow(model, expressed.graph);
  if (window !== undefined && window < length) {
    return `llama.cpp's graph of ${expressed.graph.architecture} ignores the sliding window of ${window} tokens, so it computes something else on windows of ${length}. With evaluation windows of at most ${window} tokens the file can be written: its context is ${window} tokens then.`;
  }
  if (!tokenizer) return undefined;
  const carried = carriedTokenizer(tokenizer, raw_config, model);
  return typeof carried === 'string' ? carried : undefined;
}

/** What llama.cpp computes otherwise than the model, in sentences for people. Nothing for what {@link ggufRefusal} refuses. */
export function ggufNotes(model: ModelOutline, raw_config: RawConfig): string[] {
  const expressed = expressModel(model, raw_config);
  return typeof expressed === 'string' ? [] : differenceNotes(model, expressed.graph, raw_config);
}

/**
 * Writes {@link GGUF_FILE}, version 3. A few rows of one weight are in memory at a time; of a transposed one (GPT-2) it is
 * the whole matrix. The sink is closed, also after a failure; removing a half-written file is the caller's.
 * Throws `bad_option` with the reason of {@link ggufRefusal}, `export_failed`, `cancelled`, and what the model's weights
 * and the sink throw.
 */
export async function writeGguf(
  source: GgufSource,
  { precision = 'stored', file_type, onProgress, signal }: GgufOptions,
  openFile: (name: string) => Promise<FileSink>,
): Promise<{ files: WrittenFile[] }> {
  const { model, raw_config, name } = source;
  const expressed = expressModel(model, raw_config);
  if (typeof expressed === 'string') throw refused(expressed);
  const tokenizer = carriedTokenizer(source, raw_config, model);
  if (typeof tokenizer === 'string') throw refused(tokenizer);
  const weights = ggufWeights(await ggufModel(model, precision, signal), expressed);
  const total = weights.reduce((sum, { ref }) => sum + weightBytes(ref), 0);
  const metadata: Metadata = new Map([
    ...generalMetadata(expressed.graph.architecture, name, file_type ?? mainType(weights)),
    ...licenceMetadata(source.licence),
    ...modelMetadata(model, expressed),
    ...tokenizer,
  ]);
  let written = 0;
  const onRead = (bytes: number) => {
    written += bytes;
    onProgress?.(written, total);
  };
  const tensors = weights.map((weight) => tensorToWrite(weight, onRead));
  return { files: [await writeFile(openFile, GGUF_FILE, ggufChunks(metadata, tensors), { signal })] };
}

/** How often a file holds the table that serves as embedding and head: twice where llama.cpp wants a head of its own. */
export function ggufTiedCopies(model: ModelOutline): number {
  return graphOf(model)?.head === 'own' ? 2 : 1;
}

export function refused(reason: string): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message: reason,
    place: { field: 'format' },
    allowed: 'onnx, transformers.js or safetensors for this model',
    action: 'Choose one of these formats.',
  });
}

function carriedTokenizer(files: TokenizerFiles, raw: RawConfig, { config }: ModelOutline): Metadata | string {
  try {
    return tokenizerMetadata(files, raw, config.vocab_size);
  } catch (reason) {
    if (reason instanceof NotCarried) return `GGUF cannot carry this model's tokenizer: ${reason.message}.`;
    throw reason;
  }
}

function weightBytes({ shape, dtype }: WeightRef): number {
  return elementCount(shape) * bytesPerElement(dtype);
}

function mainType(weights: readonly GgufWeight[]): string {
  const bytes: Record<string, number> = {};
  for (const { ref } of weights) bytes[ref.dtype] = (bytes[ref.dtype] ?? 0) + weightBytes(ref);
  return Object.entries(bytes).sort((a, b) => b[1] - a[1])[0][0];
}

function tensorToWrite({ name, ref }: GgufWeight, onRead: (bytes: number) => void): GgufTensorToWrite {
  const rows = ref.shape[0];
  const step = Math.max(1, Math.floor((CHUNK_BYTES * rows) / weightBytes(ref)));
  async function* chunks() {
    for (let start = 0; start < rows; start += step) {
      const bytes = await ref.read({ start, end: Math.min(rows, start + step) });
      yield bytes;
      onRead(bytes.byteLength);
    }
  }
  return { name, type: ref.dtype, shape: ref.shape, chunks };
}
