/**
 * @file Element types of stored weights: floats as safetensors names them, block-quantised ones as GGUF does
 * (ggml's `ggml_type`). A block type stores `elements` consecutive numbers of a row in `bytes`.
 */

/** One number, one element. */
export type FloatType = 'F32' | 'F16' | 'BF16';

/** Blocks of a row that share scales; a row is a whole number of blocks. */
export type QuantType =
  | 'Q4_0'
  | 'Q4_1'
  | 'Q5_0'
  | 'Q5_1'
  | 'Q8_0'
  | 'Q2_K'
  | 'Q3_K'
  | 'Q4_K'
  | 'Q5_K'
  | 'Q6_K'
  | 'IQ4_NL'
  | 'IQ4_XS'
  | 'TQ1_0'
  | 'TQ2_0'
  | 'MXFP4'
  | 'NVFP4'
  | 'Q1_0'
  | 'Q2_0'
  | 'Q2_0_G128';

/** Types that every backend decodes. Other stored types are listed but not decoded, or widened while they are read. */
export type DType = FloatType | QuantType;

export interface Block {
  readonly elements: number;
  readonly bytes: number;
}

const BLOCKS: Readonly<Record<DType, Block>> = {
  F32: { elements: 1, bytes: 4 },
  F16: { elements: 1, bytes: 2 },
  BF16: { elements: 1, bytes: 2 },
  Q4_0: { elements: 32, bytes: 18 },
  Q4_1: { elements: 32, bytes: 20 },
  Q5_0: { elements: 32, bytes: 22 },
  Q5_1: { elements: 32, bytes: 24 },
  Q8_0: { elements: 32, bytes: 34 },
  Q2_K: { elements: 256, bytes: 84 },
  Q3_K: { elements: 256, bytes: 110 },
  Q4_K: { elements: 256, bytes: 144 },
  Q5_K: { elements: 256, bytes: 176 },
  Q6_K: { elements: 256, bytes: 210 },
  IQ4_NL: { elements: 32, bytes: 18 },
  IQ4_XS: { elements: 256, bytes: 136 },
  TQ1_0: { elements: 256, bytes: 54 },
  TQ2_0: { elements: 256, bytes: 66 },
  MXFP4: { elements: 32, bytes: 17 },
  NVFP4: { elements: 64, bytes: 36 },
  Q1_0: { elements: 128, bytes: 18 },
  Q2_0: { elements: 64, bytes: 18 },
  Q2_0_G128: { elements: 128, bytes: 34 },
};

export const DTYPES = Object.keys(BLOCKS) as readonly DType[];

export const QUANT_TYPES = DTYPES.filter((dtype) => !isFloatType(dtype)) as QuantType[];

export function blockOf(dtype: DType): Block {
  return BLOCKS[dtype];
}

/** A fraction for block types; exact, because blocks have a power of two of elements. */
export function bytesPerElement(dtype: DType): number {
  const { elements, bytes } = BLOCKS[dtype];
  return bytes / elements;
}

export function isDType(name: string): name is DType {
  return Object.hasOwn(BLOCKS, name);
}

export function isFloatType(dtype: DType): dtype is FloatType {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}
