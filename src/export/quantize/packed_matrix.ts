/**
 * @file A matrix in integer codes as the ONNX writer takes it, whoever chose the codes: round to nearest, or a method that
 * compensates errors. `value[r, c] = (code − zero_point) · scale` of row r and block ⌊c ∕ block_size⌋.
 */
import { type Bits, blocksOf } from './blocks.ts';
import { blobBytes, zeroPointBytes } from './pack.ts';

/** The streams are read in this order, once each, or again from the codes on. */
export interface PackedMatrix {
  /** Outputs of a product, or tokens of a table. */
  readonly rows: number;
  /** Inputs of the product; need not be a multiple of `block_size`. */
  readonly columns: number;
  readonly bits: Bits;
  /** Values of a row that share a scale: a power of two from 16 on, as MatMulNBits asks. */
  readonly block_size: number;
  /** False: every zero point is 2^(bits − 1), the operator's default. */
  readonly has_zero_points: boolean;
  /** uint8 (rows, blocks, block_size · bits ∕ 8), as `packCodes` packs them; a row's last block is whole. */
  codes(): AsyncIterable<Uint8Array>;
  /** F32 bytes, (rows, blocks). */
  scales(): AsyncIterable<Uint8Array>;
  /** uint8 (rows · ⌈blocks · bits ∕ 8⌉), as `packZeroPoints` packs them. */
  zeroPoints(): AsyncIterable<Uint8Array>;
}

export type PackedShape = Pick<PackedMatrix, 'rows' | 'columns' | 'bits' | 'block_size' | 'has_zero_points'>;

/**
 * Shapes of the three tensors of a packed matrix. Zero points are a list, which MatMulNBits takes as well as a matrix: the
 * older WebGPU provider of onnxruntime-web reads them as words, and cannot do that with rows of an odd number of bytes.
 */
export function packedDims({ rows, columns, bits, block_size }: PackedShape) {
  const blocks = blocksOf(columns, block_size);
  return {
    codes: [rows, blocks, blobBytes(bits, block_size)],
    scales: [rows, blocks],
    zero_points: [rows * zeroPointBytes(bits, blocks)],
  };
}

const BYTES_OF_SCALE = 4;

/** In a file: codes, scales and zero points. */
export function packedBytes(matrix: PackedShape): number {
  const { codes, scales, zero_points } = packedDims(matrix);
  const count = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);
  return count(codes) + BYTES_OF_SCALE * count(scales) + (matrix.has_zero_points ? count(zero_points) : 0);
}
