/**
 * @file Grouped integers on the device, in one buffer and in their bytes: rows of codes, each from a new word on, then scales,
 * then zero points or minimums. shaders/common/packed_codes.wgsl reads them.
 */
import type { PackedMatrix, Tensor } from '../backend.ts';
import { GpuTensor } from './buffers.ts';
import type { GpuContext } from './context.ts';

/** What kernels are told of a packed matrix: parameters, in words where they are places, and constants. */
export interface PackedLayout {
  readonly params: {
    readonly row_words: number;
    readonly group: number;
    readonly groups: number;
    readonly scales_at: number;
    readonly zeros_at: number;
  };
  readonly overrides: {
    readonly BITS: number;
    readonly ZERO: number;
    readonly SCALE_F32: number;
    readonly ALIGNED: number;
  };
  /** Of all. */
  readonly words: number;
}

const ZERO_CODES = { symmetric: 0, integer: 1, minimum: 2 } as const;

export function layoutOf({ rows, columns, bits, group, zero, scale }: Omit<PackedMatrix, 'codes' | 'scales'>) {
  const size = group === 'row' ? columns : Math.min(group, columns);
  const groups = Math.ceil(columns / size);
  const row_words = Math.ceil((columns * bits) / 32);
  const scales_at = rows * row_words;
  const zeros_at = scales_at + Math.ceil((rows * groups * (scale === 'F16' ? 2 : 4)) / 4);
  const zeroBits = { symmetric: 0, integer: bits, minimum: 16 }[zero];
  const layout: PackedLayout = {
    params: { row_words, group: size, groups, scales_at, zeros_at },
    overrides: {
      BITS: bits,
      ZERO: ZERO_CODES[zero],
      SCALE_F32: scale === 'F32' ? 1 : 0,
      ALIGNED: size % 4 === 0 || groups === 1 ? 1 : 0,
    },
    words: zeros_at + Math.ceil((rows * groups * zeroBits) / 32),
  };
  return layout;
}

/** The whole buffer. */
export function packedWords(matrix: PackedMatrix, layout: PackedLayout): Uint8Array {
  const { rows, columns, bits, codes, scales, zeros } = matrix;
  const { row_words, scales_at, zeros_at } = layout.params;
  const bytes = new Uint8Array(4 * layout.words);
  const rowBits = columns * bits;
  if (rowBits % 32 === 0) bytes.set(codes.subarray(0, 4 * scales_at));
  else for (let row = 0; row < rows; row++) copyBits(codes, row * rowBits, rowBits, bytes, 4 * row * row_words);
  bytes.set(scales.subarray(0, 4 * (zeros_at - scales_at)), 4 * scales_at);
  if (zeros) bytes.set(zeros.subarray(0, 4 * (layout.words - zeros_at)), 4 * zeros_at);
  return bytes;
}

/** Bits from any place to the start of a byte; the last byte is filled up with zeros. */
function copyBits(from: Uint8Array, bit: number, count: number, to: Uint8Array, at: number): void {
  const [first, shift] = [Math.floor(bit / 8), bit % 8];
  const length = Math.ceil(count / 8);
  for (let i = 0; i < length; i++) to[at + i] = (from[first + i] | ((from[first + i + 1] ?? 0) << 8)) >> shift;
  if (count % 8 > 0) to[at + length - 1] &= 2 ** (count % 8) - 1;
}

const layouts = new WeakMap<Tensor, PackedLayout>();

/** Undefined where it exceeds a buffer of the adapter: such a matrix is held as floats, in parts. */
export function pack(context: GpuContext, matrix: PackedMatrix, label: string, maxTensorBytes: number) {
  const layout = layoutOf(matrix);
  if (4 * layout.words > maxTensorBytes) return undefined;
  const words = context.tensor([layout.words], 'u32', label);
  context.upload(words, packedWords(matrix, layout));
  const { buffer, id } = words;
  const tensor = new GpuTensor(buffer, id, [matrix.rows, matrix.columns], 'packed', label, () => words.dispose());
  layouts.set(tensor, layout);
  return tensor;
}

export function packedLayout(tensor: Tensor): PackedLayout {
  return layouts.get(tensor) as PackedLayout;
}
