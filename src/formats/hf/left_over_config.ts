/**
 * @file Keys of a config.json that say weights are quantised, beside weights that are not: what merging and dequantising tools
 * leave behind. Passed over with a note where the method changes nothing but how weights are stored.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { TensorInfo } from '../checkpoint.ts';
import type { RawConfig } from './config.ts';

type Tensors = ReadonlyMap<string, TensorInfo>;

/** Methods that change nothing but how weights are stored. */
const STORAGE_ONLY: readonly string[] = [
  'aqlm',
  'auto-round',
  'awq',
  'bitsandbytes',
  'compressed-tensors',
  'eetq',
  'fbgemm_fp8',
  'fp8',
  'gptq',
  'hqq',
  'modelopt',
  'mxfp4',
  'quanto',
  'spqr',
  'torchao',
  'vptq',
];

/**
 * Methods of transformers 5.24 that compute in another way, whatever the weights are stored in. One that is in neither list
 * transformers does not know and skips, with a warning.
 */
const COMPUTES_OTHERWISE: readonly string[] = [
  'bitnet',
  'fouroversix',
  'fp_quant',
  'gemma',
  'gguf',
  'higgs',
  'metal',
  'mxfp8',
  'nvfp4',
  'quark',
  'sinq',
];

/** Keys of the same kind, which other tools write and transformers does not read: MLX, older compressed-tensors. */
const OTHER_FIELDS: readonly string[] = ['quantization', 'compression_config'];

/** Names of keys and methods that ask for work on activations which no stored weight shows. */
export const ONLINE = /transform|rotat|hadamard|spinquant|quarot|pre_quant|permut|smooth/i;

const PLAIN_FLOATS: readonly string[] = ['F64', 'F32', 'F16', 'BF16'];

/** Masks and positions, which old checkpoints store among the weights. */
const BUFFER_TYPES: readonly string[] = ['BOOL', 'I64'];
const MASK = /\.(masked_)?bias$/;

/** Whether every weight is a float of its own. */
export function isPlain(tensors: Tensors): boolean {
  return [...tensors.values()].every(
    ({ name, dtype }) =>
      PLAIN_FLOATS.includes(dtype) || BUFFER_TYPES.includes(dtype) || (dtype === 'U8' && MASK.test(name)),
  );
}

/** Whether a method says nothing of plain floats. */
export function isStorageOnly(method: string): boolean {
  return STORAGE_ONLY.includes(method) || !(COMPUTES_OTHERWISE.includes(method) || ONLINE.test(method));
}

export function leftOverNote(what: string): string {
  return `config.json says that the weights are quantised (${what}), but every tensor is a plain float: it is passed over as a left-over.`;
}

/** The keys of other tools that are left over. */
export function otherLeftOvers(raw: RawConfig, tensors: Tensors): string[] {
  const found = OTHER_FIELDS.filter((field) => isObject(raw[field]) && !isEmpty(raw[field]));
  return found.length > 0 && isPlain(tensors) ? found : [];
}

/** The config for those who ask what its keys mean. */
export function withoutLeftOvers(raw: RawConfig, tensors: Tensors): RawConfig {
  const left = otherLeftOvers(raw, tensors);
  return left.length === 0 ? raw : Object.fromEntries(Object.entries(raw).filter(([key]) => !left.includes(key)));
}

/** Of a `quantization_config` that says neither what it is nor anything that the weights show. */
export function unnamedMethod(field: string, file: string): WhittleError {
  return new WhittleError({
    code: 'unsupported_dtype',
    message: `${field} does not name its method, and every tensor is a plain float.`,
    place: { file, field: `${field}.quant_method` },
    allowed: `no ${field} beside weights that are not quantised`,
    action: `If these weights were saved unquantised, remove ${field} from config.json.`,
  });
}

export function isObject(value: unknown): value is RawConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isEmpty(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}
