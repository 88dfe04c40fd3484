/**
 * @file What `quantization_config` of a config.json (or ModelOpt's hf_quant_config.json) says about the stored weights. F8
 * weights are read, with their scales, and integers and 4-bit floats as GPTQ, AWQ, compressed-tensors and ModelOpt pack them; other
 * codes are refused with what to do; a config that was left over beside plain floats is passed over with a note; what changes
 * activations on the way (rotations) is refused by its key.
 */
import * as v from 'valibot';
import { WhittleError } from '../../errors/errors.ts';
import type { TensorInfo } from '../checkpoint.ts';
import type { PackedScheme } from '../safetensors/packed/scheme.ts';
import type { WidenOptions } from '../safetensors/widen.ts';
import { bad, describeValue, parseConfig, type RawConfig } from './config.ts';
import {
  isEmpty,
  isObject,
  isPlain,
  isStorageOnly,
  leftOverNote,
  ONLINE,
  otherLeftOvers,
  unnamedMethod,
} from './left_over_config.ts';
import { autoRoundScheme, awqScheme, checkCompressedFormat, FIELD, gptqScheme } from './packed_schemes.ts';
import { isQuantizeFile, quantizeFile, withoutField } from './quantize_file.ts';

const size = () => v.pipe(v.number(), v.integer(), v.minValue(1));
const BLOCK = v.nullish(v.tuple([size(), size()], 'two whole numbers, at least 1'));

const FP8 = v.object({ [FIELD]: v.object({ weight_block_size: BLOCK }) });

const WEIGHTS = v.object({
  num_bits: v.number('a number of bits'),
  type: v.string('a type name'),
  strategy: v.nullish(v.string('the name of a strategy')),
  group_size: v.nullish(v.number('a number')),
  block_structure: BLOCK,
});

const COMPRESSED_TENSORS = v.object({
  [FIELD]: v.object({
    config_groups: v.record(
      v.string(),
      v.object({
        weights: v.nullish(WEIGHTS),
        input_activations: v.nullish(v.object({ type: v.nullish(v.string()), num_bits: v.nullish(v.number()) })),
      }),
      'an object of groups',
    ),
    sparsity_config: v.nullish(v.object({ format: v.optional(v.string()) })),
    kv_cache_scheme: v.optional(v.unknown()),
  }),
});

/** ModelOpt's names of F8 with one scale a tensor, a row, or a block of 128 × 128. */
const MODELOPT_FP8 = ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO'];

export interface Quantization {
  /** How F8 weights are to be read. */
  readonly widen: WidenOptions;
  /** How weights are packed. */
  readonly packed?: PackedScheme;
  /** For people. */
  readonly notes: readonly string[];
}

/**
 * @param tensors What is stored.
 * @param beside ModelOpt's own file, or AutoGPTQ's or AutoAWQ's, for a config.json without the key.
 * @throws `unsupported_dtype` for weights of another kind, `unknown_architecture` for what activations go through,
 * `bad_config`.
 */
export function readQuantization(
  raw: RawConfig,
  file: string,
  tensors: ReadonlyMap<string, TensorInfo>,
  beside?: { readonly raw: RawConfig; readonly file: string },
): Quantization {
  const given = raw[FIELD] ?? textConfig(raw)?.[FIELD];
  if (given === undefined || given === null || isEmpty(given)) {
    const found = beside ? fromFile(beside.raw, beside.file, tensors) : only({});
    const left = otherLeftOvers(raw, tensors);
    for (const field of left) refuseOnline(raw[field] as RawConfig, field, file);
    return { ...found, notes: [...found.notes, ...left.map(leftOverNote)] };
  }
  if (!isObject(given)) throw bad(file, `${FIELD} is ${describeValue(given)}.`, FIELD, 'an object or null');
  refuseOnline(given, FIELD, file);
  const method = methodOf(given);
  if (isPlain(tensors)) {
    if (method === undefined) throw unnamedMethod(FIELD, file);
    if (isStorageOnly(method)) return { widen: {}, notes: [leftOverNote(`${FIELD}, ${method}`)] };
  }
  return byMethod({ [FIELD]: given }, method, file, tensors);
}

function byMethod(
  raw: RawConfig,
  method: string | undefined,
  file: string,
  tensors: ReadonlyMap<string, TensorInfo>,
): Quantization {
  switch (method) {
    case 'fp8':
      return only({ ...blockOf(parseConfig(FP8, raw, file)[FIELD].weight_block_size), scaled: true });
    case 'fbgemm_fp8':
      return only({ scaled: true });
    case 'compressed-tensors':
      return compressedTensors(raw, file, tensors);
    case 'modelopt':
      return modelOpt(raw[FIELD] as RawConfig, FIELD, file, tensors);
    case 'gptq':
      return { ...only({}), packed: gptqScheme(raw, file) };
    case 'awq':
      return { ...only({}), packed: awqScheme(raw, file) };
    case 'auto-round':
      return { ...only({}), packed: autoRoundScheme(raw, file) };
    case 'mxfp4':
      return { ...only({}), packed: { kind: 'fp4' } };
    default:
      throw refused(file, method !== undefined ? `by ${describeValue(method)}` : 'in a way that is not named');
  }
}

function only(widen: WidenOptions): Quantization {
  return { widen, notes: [] };
}

/** Integers of 1 to 8 bits, F8, and floats of 4 bits (NVFP4, MXFP4). */
function compressedTensors(raw: RawConfig, file: string, tensors: ReadonlyMap<string, TensorInfo>): Quantization {
  const { config_groups, sparsity_config, kv_cache_scheme } = parseConfig(COMPRESSED_TENSORS, raw, file)[FIELD];
  checkCompressedFormat(raw, file);
  const groups = Object.values(config_groups);
  const all = groups.flatMap((group) => (group.weights ? [group.weights] : []));
  const isRead = ({ num_bits, type }: (typeof all)[number]) =>
    (type === 'float' && (num_bits === 8 || num_bits === 4)) || (type === 'int' && num_bits >= 1 && num_bits <= 8);
  const other = all.find((each) => !isRead(each));
  if (other) throw refused(file, `by compressed-tensors to ${other.num_bits}-bit ${other.type} numbers`);
  const weights = all.filter(({ type, num_bits }) => type === 'float' && num_bits === 8);
  const integers = all.filter(({ type }) => type === 'int');
  const blocks = integers.flatMap(({ block_structure }) => (block_structure ? [block_structure] : []));
  const packed: PackedScheme = {
    kind: 'compressed-tensors',
    bits: integers.map(({ num_bits }) => num_bits),
    group_sizes: integers.flatMap(({ group_size }) => (group_size && group_size > 0 ? [group_size] : [])),
    ...(blocks.length > 0 && { blocks }),
  };
  return {
    widen: { ...compressedFloats(weights, sparsity_config, file), scaled: true },
    ...(all.length > weights.length && { packed }),
    notes: [...roundedInputs(groups), ...roundedCache('kv_cache_scheme', kv_cache_scheme, tensors)],
  };
}

type Weights = v.InferOutput<typeof WEIGHTS>;

/** Scales of the cache that are stored are counted where what is unused is told. */
function roundedCache(key: string, scheme: unknown, tensors: ReadonlyMap<string, TensorInfo>): string[] {
  if (!isActive(scheme) || [...tensors.keys()].some((name) => /\.[kv]_scale$/.test(name))) return [];
  const { num_bits, type } = isObject(scheme) ? scheme : {};
  const how = typeof scheme === 'string' ? scheme : `${num_bits}-bit ${type === 'int' ? 'integers' : 'floats'}`;
  return [`The config stores keys and values in ${how} while the model runs (${key}). Whittle keeps them in floats.`];
}

/** Integers and floats of 4 bits are felt; F8 is as near to the numbers as the weights are. */
function roundedInputs(
  groups: readonly { input_activations?: { type?: string | null; num_bits?: number | null } | null }[],
) {
  const rounded = new Set<string>();
  for (const { input_activations: inputs } of groups) {
    if (inputs?.type === 'float' && inputs.num_bits !== 8) rounded.add('4-bit floats');
    else if (inputs && inputs.type !== 'float') rounded.add('integers');
  }
  if (rounded.size === 0) return [];
  const how = [...rounded].join(' and ');
  return [`The config rounds activations to ${how} (input_activations). Whittle computes them in floats.`];
}

function compressedFloats(
  weights: readonly Weights[],
  sparsity_config: { format?: string } | null | undefined,
  file: string,
): WidenOptions {
  if (sparsity_config && (sparsity_config.format ?? 'dense') !== 'dense') {
    throw refused(file, `by compressed-tensors, and stored sparsely (${sparsity_config.format})`);
  }
  const blocks = new Map<string, readonly [number, number]>();
  for (const { strategy, group_size, block_structure } of weights) {
    const block = strategy === 'group' && (group_size ?? 0) > 0 ? ([1, group_size!] as const) : block_structure;
    if (block) blocks.set(block.join(), block);
  }
  const [block, ...others] = [...blocks.values()];
  return others.length > 0 ? { blocks: [block, ...others] } : blockOf(block);
}

function modelOpt(
  config: RawConfig,
  field: string,
  file: string,
  tensors: ReadonlyMap<string, TensorInfo>,
): Quantization {
  const { quant_algo: algorithm } = config;
  const cache = roundedCache(`${field}.kv_cache_quant_algo`, config.kv_cache_quant_algo, tensors);
  if (algorithm === undefined || algorithm === null) return { widen: {}, notes: cache };
  if (MODELOPT_FP8.includes(String(algorithm))) return { widen: { scaled: true }, notes: cache };
  if (algorithm === 'NVFP4') {
    const rounds = [...tensors.keys()].some((name) => name.endsWith('.input_scale'));
    const note = `The weights have scales of activations in 4-bit floats (${field}.quant_algo NVFP4). Whittle computes activations in floats.`;
    return { widen: {}, packed: { kind: 'fp4' }, notes: [...(rounds ? [note] : []), ...cache] };
  }
  throw refused(file, `by ModelOpt (${describeValue(algorithm)})`, `${field}.quant_algo`);
}

/** Of another file than config.json. */
function fromFile(raw: RawConfig, file: string, tensors: ReadonlyMap<string, TensorInfo>): Quantization {
  if (!isQuantizeFile(raw, tensors)) return modelOptFile(raw, file, tensors);
  refuseOnline(raw, FIELD, file);
  const { method, config } = quantizeFile(raw);
  const note = `config.json does not say how the weights are packed; ${file} does, and is taken (${method}).`;
  try {
    const found = byMethod({ [FIELD]: config }, method, file, tensors);
    return { ...found, notes: [note, ...found.notes] };
  } catch (error) {
    throw error instanceof WhittleError ? withoutField(error) : error;
  }
}

/** `{producer, quantization: {quant_algo, …}}`. */
function modelOptFile(raw: RawConfig, file: string, tensors: ReadonlyMap<string, TensorInfo>): Quantization {
  const field = 'quantization';
  const config = raw[field];
  if (!isObject(config) || isPlain(tensors)) return only({});
  refuseOnline(config, field, file);
  return modelOpt(config, field, file, tensors);
}

/** Throws `unknown_architecture` for a key of {@link ONLINE} with something in it. */
function refuseOnline(config: RawConfig, path: string, file: string): void {
  for (const [key, value] of Object.entries(config)) {
    const field = `${path}.${key}`;
    if (ONLINE.test(key) && isActive(value)) {
      throw new WhittleError({
        code: 'unknown_architecture',
        message: `${field} asks for transforms of activations while the model runs (${describeValue(value)}). Whittle does not run these, and without them the numbers would be wrong.`,
        place: { file, field },
        allowed: `no ${key}, or an empty one`,
        action: 'Open the original, unquantised version of the model.',
      });
    }
    if (isObject(value)) refuseOnline(value, field, file);
  }
}

/** Whether anything is said: not null, false, or an object or list of such. */
function isActive(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '' || value === 'none') return false;
  if (typeof value !== 'object') return true;
  return Object.values(value).some(isActive);
}

function methodOf(config: RawConfig): string | undefined {
  const { quant_method, load_in_4bit, load_in_8bit } = config;
  if (typeof quant_method === 'string') return quant_method;
  // bitsandbytes' configs were written without the method for a while.
  return load_in_4bit === true || load_in_8bit === true ? 'bitsandbytes' : undefined;
}

function textConfig(raw: RawConfig): RawConfig | undefined {
  return isObject(raw.text_config) ? raw.text_config : undefined;
}

function blockOf(block: readonly [number, number] | null | undefined): WidenOptions {
  return block ? { block } : {};
}

function refused(file: string, how: string, field = `${FIELD}.quant_method`): WhittleError {
  return new WhittleError({
    code: 'unsupported_dtype',
    message: `The weights are quantised ${how}, which Whittle does not decode.`,
    place: { file, field },
    allowed:
      'weights in F32, F16, BF16 or F64, in F8 (fp8, fbgemm_fp8, modelopt), or packed by gptq, awq (GEMM), compressed-tensors, mxfp4 or modelopt (NVFP4)',
    action: 'Open the original, unquantised version of the model, or a GGUF of it.',
  });
}
