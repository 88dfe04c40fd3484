/**
 * @file Writes a `DecoderModel` as a folder of safetensors with config.json. A dense model is written as transformers
 * writes its family. What transformers cannot express (a sliced one) has canonical names, a description in config.json
 * that Whittle builds the model from, and the slicing config of the official code.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { RawConfig } from '../../formats/hf/config.ts';
import { type TensorToWrite, writeSafetensors } from '../../formats/safetensors/write.ts';
import type { FileSink, WrittenFile } from '../../formats/sink.ts';
import type { DecoderModel, WeightRef } from '../../models/decoder_model.ts';
import { describeModel } from '../../models/sliced/describe.ts';
import { weightNames } from '../../models/sliced/weight_names.ts';
import { configText } from '../config_text.ts';
import { type Precision, quantizedModel } from '../precision.ts';
import { type FileContent, writeFile } from '../write_file.ts';
import { familyForm } from './family_form.ts';
import {
  fileRoles,
  keepFor,
  moduleOf,
  type PackedForm,
  type PackedLinear,
  packingHeld,
  quantizationConfig,
} from './packed_form.ts';
import { packedTensors } from './packed_tensors.ts';
import { INDEX_FILE, type Shard, shardIndex, shardsOf, tensorBytes, tensorToWrite, weightBytes } from './shards.ts';
import { slicingConfig } from './slicing_config.ts';

export const SLICING_CONFIG_FILE = 'slicing_config.json';
export const CONFIG_FILE = 'config.json';

/** As Hugging Face's `save_pretrained` has it. */
const SHARD_BYTES = 5e9;

export interface SafetensorsOptions {
  /** config.json of the model that was opened: what is written keeps all of it that is still true. */
  config: RawConfig;
  /** Facts about the method, for people and tools, beside the description: sparsity, schedule … */
  method?: Readonly<Record<string, unknown>>;
  /** Absent: `stored`; block-quantised and F8 weights become F16. */
  precision?: Extract<Precision, 'stored' | 'f32' | 'f16'>;
  /** Grouped integers as this form has them; absent: as floats. */
  form?: PackedForm;
  /** Weights beyond this many bytes go to another file; absent: 5 GB. */
  shard_bytes?: number;
  /** Bytes of weights written so far, and in all. */
  onProgress?: (written: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Writes the weights, one or several files, then their index where there are several, `slicing_config.json` for a sliced
 * model, and `config.json`. At most a few rows of one weight are in memory; of one that is stored transposed, all. Every
 * opened sink is closed, also after a failure; removing half-written files is the caller's. The tokenizer's files go beside these unchanged, by the caller.
 * Throws `export_failed`, `cancelled`, `bad_option`, and what the model's weights and the sinks throw.
 */
export async function writeSliced(
  model: DecoderModel,
  options: SafetensorsOptions,
  openFile: (name: string) => Promise<FileSink>,
): Promise<{ files: WrittenFile[] }> {
  const { signal, precision = 'stored', shard_bytes = SHARD_BYTES } = options;
  if (!(shard_bytes > 0)) {
    const message = `Shards of ${shard_bytes} bytes were asked for.`;
    throw new WhittleError({ code: 'bad_option', message, allowed: 'a positive number of bytes' });
  }
  const { form } = options;
  const written = await quantizedModel(model, precision, { signal, keep: keepFor(form) });
  const family = familyForm(written, options.config);
  const names = family?.names ?? weightNames(written);
  const packed = form && packedParts(written, names, form);
  const tensors = [...names].flatMap(([ref, name]) => packed?.tensors(ref) ?? [tensorToWrite(ref, name)]);
  const shards = shardsOf(tensors, shard_bytes);
  const writer = new FileWriter(openFile, options, tensors);
  for (const shard of shards) await writer.weights(shard);
  if (shards.length > 1) await writer.json(INDEX_FILE, shardIndex(shards));
  if (!family) await writer.json(SLICING_CONFIG_FILE, slicingConfig(written));
  const config = family ? family.config : describedConfig(written, names, options);
  const quantization = packed?.config && { quantization_config: packed.config };
  await writer.json(CONFIG_FILE, { ...config, ...typeOf(names, config), ...quantization });
  return { files: writer.files };
}

/** What of the model is written packed: its tensors by weight, and how the config says it. */
function packedParts(model: DecoderModel, names: ReadonlyMap<WeightRef, string>, form: PackedForm) {
  const linears = new Map<WeightRef, PackedLinear>();
  const others: string[] = model.lm_head.weight === model.embed_tokens.weight ? ['lm_head'] : [];
  const roles = fileRoles(model);
  for (const [ref, name] of names) {
    const role = roles.get(ref) ?? 'linear';
    const packing = packingHeld(ref, role, form);
    if (packing) linears.set(ref, { ref, packing, name });
    else if (ref.shape.length === 2 && (role === 'linear' || role === 'head')) others.push(moduleOf(name));
  }
  if (linears.size === 0) return undefined;
  const config = quantizationConfig([...linears.values()], others, form);
  const isVersion2 = 'checkpoint_format' in config && config.checkpoint_format === 'gptq_v2';
  return {
    config,
    tensors: (ref: WeightRef) => {
      const linear = linears.get(ref);
      return linear && packedTensors(linear, form, isVersion2);
    },
  };
}

/** The model's own config with what the written weights changed, under a type that only Whittle knows. */
function describedConfig(
  model: DecoderModel,
  names: ReadonlyMap<WeightRef, string>,
  { config, method }: SafetensorsOptions,
): Record<string, unknown> {
  const { quantization_config: _, ...rest } = config;
  const { model_type, architectures } = config;
  return {
    ...rest,
    // A loader of the family would find other names or shapes, or start from random weights without a word.
    model_type: 'whittle',
    architectures: ['WhittleDecoder'],
    tie_word_embeddings: model.lm_head.weight === model.embed_tokens.weight,
    whittle: { ...method, source: { model_type, architectures }, decoder: describeModel(model, names) },
  };
}

/** What most bytes are stored in, as torch calls it, under the key that the config has for it. */
function typeOf(names: ReadonlyMap<WeightRef, string>, { dtype, torch_dtype: _ }: Record<string, unknown>) {
  const type = mainType(names);
  return dtype === undefined ? { torch_dtype: type } : { dtype: type, torch_dtype: undefined };
}

function mainType(names: ReadonlyMap<WeightRef, string>): string {
  const bytes: Record<string, number> = {};
  for (const ref of names.keys()) if (!ref.packed) bytes[ref.dtype] = (bytes[ref.dtype] ?? 0) + weightBytes(ref);
  const [main] = Object.entries(bytes).sort((a, b) => b[1] - a[1])[0];
  return { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[main] ?? 'float32';
}

class FileWriter {
  readonly files: WrittenFile[] = [];
  private written = 0;
  private readonly total: number;

  constructor(
    private readonly openFile: (name: string) => Promise<FileSink>,
    private readonly options: SafetensorsOptions,
    tensors: readonly TensorToWrite[],
  ) {
    this.total = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  }

  weights({ file, weights }: Shard): Promise<void> {
    return this.write(file, writeSafetensors(weights, { format: 'pt' }), true);
  }

  json(file: string, value: unknown): Promise<void> {
    return this.write(file, [new TextEncoder().encode(configText(value))], false);
  }

  private async write(name: string, content: FileContent, counts: boolean): Promise<void> {
    const { signal, onProgress } = this.options;
    const onBytes = (bytes: number) => {
      this.written += bytes;
      onProgress?.(Math.min(this.written, this.total), this.total);
    };
    this.files.push(await writeFile(this.openFile, name, content, { signal, ...(counts && { onBytes }) }));
  }
}
