/** @file Element types of stored weights, named as safetensors names them. */

/** Float types that Whittle computes with. Other stored types are listed but not decoded. */
export type DType = 'F32' | 'F16' | 'BF16';

const BYTES: Record<DType, number> = { F32: 4, F16: 2, BF16: 2 };

export function bytesPerElement(dtype: DType): number {
  return BYTES[dtype];
}

export function isDType(name: string): name is DType {
  return name in BYTES;
}
