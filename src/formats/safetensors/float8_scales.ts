/**
 * @file Scales of F8 weights. Three layouts are in use, told apart by shape: one number for a tensor, one for each row, or
 * one for each block of a matrix (DeepSeek: 128 × 128, the last blocks cut short). Whatever the name says — DeepSeek calls
 * its multiplier `weight_scale_inv`, compressed-tensors and FBGEMM call theirs `weight_scale` — the weight is F8 · scale.
 */
import { WhittleError } from '../../errors/errors.ts';
import { isDType, isFloatType } from '../../tensor/dtype.ts';
import { decodeToFloat32 } from '../../tensor/half.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../../tensor/shape.ts';
import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint.ts';
import { decodeWide } from './wide_floats.ts';

export type BlockSize = readonly [rows: number, columns: number];

export const DEFAULT_BLOCK: BlockSize = [128, 128];

const SUFFIXES = ['_scale_inv', '_scale'];

const SCALE_TYPES: readonly string[] = ['F32', 'F16', 'BF16', 'F64', 'F8_E8M0'];

/** Scales of activations and of a quantised KV cache: Whittle computes both in f32 and needs none. */
const ACTIVATION_SCALE = /\.(input_scale|input_scale_ub|output_scale|[kvq]_scale|activation_scale)$/;

/** The scale of an F8 weight, where the checkpoint has one. */
export function scaleOf(checkpoint: Checkpoint, name: string): TensorInfo | undefined {
  for (const suffix of SUFFIXES) {
    const found = checkpoint.tensors.get(name + suffix);
    if (found) return found;
  }
  return undefined;
}

export function isActivationScale(name: string): boolean {
  return ACTIVATION_SCALE.test(name);
}

/** Throws `shape_mismatch`, `bad_safetensors` where a scale cannot be that of a weight. */
export function checkScale(weight: TensorInfo, scale: TensorInfo, block: BlockSize): void {
  scaleIndex(weight, scale, block);
  if (SCALE_TYPES.includes(scale.dtype)) return;
  throw new WhittleError({
    code: 'bad_safetensors',
    message: `The scale ${scale.name} is stored as ${scale.dtype}.`,
    place: { file: scale.file, tensor: scale.name },
    allowed: SCALE_TYPES.join(', '),
    action: 'Open the unquantised version of the model.',
  });
}

/** Multiplies `values`, which are the rows from `rows.start` on of a weight of the given shape, in place. */
export type Scaling = (values: Float32Array, rows: RowRange) => void;

/** Reads a scale whole, one that {@link checkScale} lets pass. Throws what reading throws. */
export async function readScaling(
  checkpoint: Checkpoint,
  weight: TensorInfo,
  scale: TensorInfo,
  block: BlockSize,
): Promise<Scaling> {
  const columns = elementCount(weight.shape.slice(1));
  const { at, width } = scaleIndex(weight, scale, block);
  const scales = decodeScale(await checkpoint.read(scale.name), scale.dtype);
  return (values, rows) => {
    for (let row = rows.start; row < rows.end; row++) {
      const first = (row - rows.start) * columns;
      for (let column = 0; column < columns; column += width) {
        const factor = scales[at(row, column)];
        const end = first + Math.min(column + width, columns);
        for (let i = first + column; i < end; i++) values[i] *= factor;
      }
    }
  };
}

interface ScaleIndex {
  /** Which scale an element has; the same for `width` columns on. */
  at(row: number, column: number): number;
  readonly width: number;
}

function scaleIndex(weight: TensorInfo, scale: TensorInfo, block: BlockSize): ScaleIndex {
  const whole = Number.POSITIVE_INFINITY;
  if (elementCount(scale.shape) === 1) return { at: () => 0, width: whole };
  const [rows] = weight.shape;
  if (sameShape(scale.shape, [rows]) || sameShape(scale.shape, [rows, 1])) return { at: (row) => row, width: whole };
  const grid: Shape = [Math.ceil(rows / block[0]), Math.ceil(weight.shape[1] / block[1])];
  if (weight.shape.length === 2 && sameShape(scale.shape, grid)) {
    const at = (row: number, column: number) => Math.floor(row / block[0]) * grid[1] + Math.floor(column / block[1]);
    return { at, width: block[1] };
  }
  const blocks = weight.shape.length === 2 ? `, or ${formatShape(grid)} for blocks of ${block[0]} × ${block[1]}` : '';
  throw new WhittleError({
    code: 'shape_mismatch',
    message: `${scale.name} has the shape ${formatShape(scale.shape)}, which is no scale of ${weight.name} ${formatShape(weight.shape)}.`,
    place: { file: scale.file, tensor: scale.name },
    allowed: `one number, [${rows}] or [${rows}, 1] for rows${blocks}`,
    action: 'Check that config.json (weight_block_size) and the weights belong together.',
  });
}

function decodeScale(bytes: Uint8Array, dtype: string): Float32Array {
  return isDType(dtype) && isFloatType(dtype) ? decodeToFloat32(bytes, dtype) : decodeWide(bytes, dtype);
}
