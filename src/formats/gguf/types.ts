/**
 * @file The words of GGUF: value types of the metadata and types of tensors. Source: the GGUF specification
 * (ggml-org/ggml, docs/gguf.md) and `ggml_type` in ggml.h.
 */
import { type Block, blockOf, isDType } from '../../tensor/dtype.ts';

export const GGUF_MAGIC = 'GGUF';
export const DEFAULT_ALIGNMENT = 32;
/** ggml keeps names in 64 bytes, the closing zero included. */
export const MAX_TENSOR_NAME_BYTES = 64;
export const MAX_TENSOR_DIMENSIONS = 4;

/** Types of metadata values; the place in this list is the number in the file. */
export const VALUE_TYPES = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;

export type ValueType = (typeof VALUE_TYPES)[number];
export type ScalarType = Exclude<ValueType, 'array'>;
export type NumberType = Exclude<ScalarType, 'string' | 'bool'>;

/** Bytes of a value of fixed size; a string is at least its length. */
export const VALUE_BYTES: Readonly<Record<ScalarType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  string: 8,
  uint64: 8,
  int64: 8,
  float64: 8,
};

/** `ggml_type` by number. 4 and 5 (Q4_2, Q4_3) and 31–33, 36–38 (repacked types) were removed from the format. */
export const TENSOR_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [6, 'Q5_0'],
  [7, 'Q5_1'],
  [8, 'Q8_0'],
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [12, 'Q4_K'],
  [13, 'Q5_K'],
  [14, 'Q6_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [30, 'BF16'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
  [40, 'NVFP4'],
  [41, 'Q1_0'],
  [42, 'Q2_0'],
]);

/** Blocks of the types that are listed but not decoded. */
const OTHER_BLOCKS: Readonly<Record<string, Block>> = {
  Q8_1: { elements: 32, bytes: 36 },
  Q8_K: { elements: 256, bytes: 292 },
  IQ2_XXS: { elements: 256, bytes: 66 },
  IQ2_XS: { elements: 256, bytes: 74 },
  IQ3_XXS: { elements: 256, bytes: 98 },
  IQ1_S: { elements: 256, bytes: 50 },
  IQ3_S: { elements: 256, bytes: 110 },
  IQ2_S: { elements: 256, bytes: 82 },
  IQ1_M: { elements: 256, bytes: 56 },
  I8: { elements: 1, bytes: 1 },
  I16: { elements: 1, bytes: 2 },
  I32: { elements: 1, bytes: 4 },
  I64: { elements: 1, bytes: 8 },
  F64: { elements: 1, bytes: 8 },
};

/** How a tensor type packs a row; for every name in {@link TENSOR_TYPES}. */
export function blockOfType(name: string): Block {
  return isDType(name) ? blockOf(name) : OTHER_BLOCKS[name];
}

/** Tensor types whose values Whittle decodes, as messages list them. */
export const DECODED_TYPES: readonly string[] = [...TENSOR_TYPES.values()].filter(isDType);
