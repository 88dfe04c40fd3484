/** @file What a thread is told of a product with grouped integers, and where in it a quad lies. */
import type { Epilogue } from './epilogue.ts';
import { blockBytes, type PackedForm, QUAD, scaleBytes, zeroBits } from './packed_layout.ts';

export interface PackedProductTask extends Epilogue, PackedForm {
  m: number;
  /** Rows of codes that count. */
  n: number;
  k: number;
  /** (m, k). */
  a: Float32Array;
  packed: Uint8Array;
  zeros_at: number;
  scales_at: number;
  blocks: number;
  group: number;
  groups: number;
  /** Of few rows: inputs as integers, (m, 32 · blocks) of 16 bits, with scales and sums (m, blocks). Absent: by panels. */
  inputs?: Uint8Array;
  input_scales?: Float32Array;
  input_sums?: Float32Array;
  /** Of many rows: inputs as the panels of `byte_product.ts`. */
  panels?: Uint8Array;
  /** What a range counts; rows only of a product by bytes. */
  by: 'rows' | 'columns';
  /** (m, n). */
  output: Float32Array;
}

/** Where the codes, scales and zero points of a quad begin, from a block of it on: the last as an address and a bit. */
export function placeOf(task: PackedProductTask, quad: number, block = 0) {
  const { packed, bits, blocks, group, groups, scale, zero, zeros_at, scales_at } = task;
  const from = packed.byteOffset;
  const groupsBefore = quad * groups + Math.floor(block / group);
  const bit = groupsBefore * QUAD * zeroBits({ zero, bits });
  const isMinimum = zero === 'minimum' || zero === 'minimum32';
  const minimum = isMinimum ? bit / 8 : 0;
  return [
    from + (quad * blocks + block) * QUAD * blockBytes(bits),
    from + scales_at + groupsBefore * QUAD * scaleBytes(scale),
    from + zeros_at + minimum,
    isMinimum ? 0 : bit,
  ] as const;
}
