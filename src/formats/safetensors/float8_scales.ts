/**
 * @file Scales of F8 weights. Three layouts are in use, told apart by shape: one number for a tensor, one for each row, or
 * one for each block of a matrix (DeepSeek: 128 × 128, the last blocks cut short; MXFP8: 1 × 32, as exponents). Whatever the
 * name says — DeepSeek calls its multiplier `weight_scale_inv`, compressed-tensors, ModelOpt and FBGEMM call theirs
 * `weight_scale`, ComfyUI `scale_weight`, TensorRT-LLM `weights_scaling_factor` — the weight is F8 · scale.
 */
import { WhittleError } from '../../errors/errors.ts';
import { isDType, isFloatType } from '../../tensor/dtype.ts';
import { decodeToFloat32 } from '../../tensor/half.ts';
import { elementCount, formatShape, type Shape, sameShape } from '../../tensor/shape.ts';
import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint.ts';
import { decodeWide } from './wide_floats.ts';

export type BlockSize = readonly [rows: number, columns: number];

export const DEFAULT_BLOCK: BlockSize = [128, 128];

/** After the name of the weight. */
const SUFFIXES = ['_scale_inv', '_scale'];
/** In the place of "weight". */
const SIBLINGS = ['scale_weight', 'weights_scaling_factor', 'scale'];

/** U8: exponents with a bias of 127, as E8M0 is stored where the format has no such type. */
const SCALE_TYPES: readonly string[] = ['F32', 'F16', 'BF16', 'F64', 'F8_E8M0', 'U8'];

/** Columns that share a scale in MXFP8 (OCP Microscaling 1.0). */
const MX_BLOCK: BlockSize = [1, 32];

/** Scales of activations and of a quantised KV cache: Whittle computes both in f32 and needs none. */
const ACTIVATION_SCALE =
  /\.((input|output)_(scale|zero_point|global_scale)|input_scale_ub|scale_input|[kvq]_scale|(prob|prob_output)_scale|act(ivation)?_scale|activation_scaling_factor|kv_cache_scaling_factor)$/;

/** The scale of an F8 weight, where the checkpoint has one. */
export function scaleOf(checkpoint: Checkpoint, name: string): TensorInfo | undefined {
  const module = name.endsWith('.weight') ? name.slice(0, -'weight'.length) : undefined;
  const names = [
    ...SUFFIXES.map((suffix) => name + suffix),
    ...(module === undefined ? [] : SIBLINGS.map((sibling) => module + sibling)),
  ];
  return names.map((tried) => checkpoint.tensors.get(tried)).find((found) => found !== undefined);
}

export function isActivationScale(name: string): boolean {
  return ACTIVATION_SCALE.test(name);
}

/** The one of several block sizes that a scale's shape is for. Throws `shape_mismatch` where two are possible. */
export function blockOf(weight: TensorInfo, scale: TensorInfo, blocks: readonly BlockSize[]): BlockSize {
  const [first, second] = blocks.filter((block) => blockIndex(weight, scale, block) !== undefined);
  if (!first || !second || elementCount(scale.shape) === 1) return first ?? blocks[0];
  throw new WhittleError({
    code: 'shape_mismatch',
    message: `${scale.name} ${formatShape(scale.shape)} may be for blocks of ${first.join(' × ')} or of ${second.join(' × ')}: config.json has both, and ${weight.name} ${formatShape(weight.shape)} has as many of either.`,
    place: { file: scale.file, tensor: scale.name },
    allowed: 'block sizes that the shapes of scales tell apart',
    action: 'Open the original, unquantised version of the model.',
  });
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
  if (elementCount(scale.shape) === 1 && !isExponents(scale)) return { at: () => 0, width: whole };
  const [rows] = weight.shape;
  if (isExponents(scale)) return blockIndex(weight, scale, MX_BLOCK) ?? notItsScale(weight, scale, MX_BLOCK);
  if (sameShape(scale.shape, [rows]) || sameShape(scale.shape, [rows, 1])) return { at: (row) => row, width: whole };
  return blockIndex(weight, scale, block) ?? notItsScale(weight, scale, block);
}

function blockIndex(weight: TensorInfo, scale: TensorInfo, block: BlockSize): ScaleIndex | undefined {
  const grid = gridOf(weight, block);
  // ModelOpt keeps a dimension of 1 beside each of the two.
  const blocks = scale.shape.length === 4 ? [scale.shape[0], scale.shape[2]] : scale.shape;
  if (elementCount(scale.shape) !== elementCount(grid) || !sameShape(blocks, grid)) return undefined;
  const at = (row: number, column: number) => Math.floor(row / block[0]) * grid[1] + Math.floor(column / block[1]);
  return { at, width: block[1] };
}

/** How many scales a matrix has in each direction. */
function gridOf({ shape }: TensorInfo, block: BlockSize): Shape {
  return shape.length === 2 ? [Math.ceil(shape[0] / block[0]), Math.ceil(shape[1] / block[1])] : [];
}

/** MXFP8: powers of two, stored as bytes. */
function isExponents({ dtype }: TensorInfo): boolean {
  return dtype === 'U8';
}

function notItsScale(weight: TensorInfo, scale: TensorInfo, block: BlockSize): never {
  const [rows] = weight.shape;
  const grid = formatShape(gridOf(weight, block));
  const blocks = weight.shape.length === 2 ? `${grid} for blocks of ${block[0]} × ${block[1]}` : '';
  const allowed = isExponents(scale)
    ? blocks
    : `one number, [${rows}] or [${rows}, 1] for rows${blocks && `, or ${blocks}`}`;
  throw new WhittleError({
    code: 'shape_mismatch',
    message: `${scale.name} has the shape ${formatShape(scale.shape)}, which is no scale of ${weight.name} ${formatShape(weight.shape)}${isExponents(scale) ? ' in MXFP8 (one exponent for each 32 columns)' : ''}.`,
    place: { file: scale.file, tensor: scale.name },
    allowed,
    action: isExponents(scale)
      ? 'Fetch the file again, or open the original, unquantised version of the model.'
      : 'Check that config.json (weight_block_size) and the weights belong together.',
  });
}

function decodeScale(bytes: Uint8Array, dtype: string): Float32Array {
  if (isDType(dtype) && isFloatType(dtype)) return decodeToFloat32(bytes, dtype);
  return decodeWide(bytes, dtype === 'U8' ? 'F8_E8M0' : dtype);
}
