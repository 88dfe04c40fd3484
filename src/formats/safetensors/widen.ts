/**
 * @file A checkpoint whose F64 and F8 tensors read as F32, with the scales of F8 weights multiplied in. What the file
 * holds stays visible as `stored`; scales are no tensors of their own any more.
 */

import { WhittleError } from '../../errors/errors.ts';
import { elementCount } from '../../tensor/shape.ts';
import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint.ts';
import {
  type BlockSize,
  blockOf,
  checkScale,
  DEFAULT_BLOCK,
  isActivationScale,
  readScaling,
  type Scaling,
  scaleOf,
} from './float8_scales.ts';
import { decodeWide, isFloat8, WIDENED_TYPES } from './wide_floats.ts';

export interface WidenOptions {
  /** Block that one scale of a matrix of scales is for; 128 × 128 unless given. */
  block?: BlockSize;
  /** Where modules have blocks of several sizes: which of them a matrix has is told by its scales' shape. */
  blocks?: readonly BlockSize[];
  /** True where the config says that each F8 matrix has a scale. */
  scaled?: boolean;
}

interface Widened {
  readonly info: TensorInfo;
  readonly scale?: TensorInfo;
  readonly block: BlockSize;
}

/** The checkpoint itself where nothing has to be widened. Throws what {@link checkScale} throws, `missing_tensor`. */
export function widenFloats(
  checkpoint: Checkpoint,
  { block = DEFAULT_BLOCK, blocks = [block], scaled = false }: WidenOptions = {},
): Checkpoint {
  const widened = new Map<string, Widened>();
  for (const info of checkpoint.tensors.values()) {
    if (!WIDENED_TYPES.includes(info.dtype)) continue;
    const scale = isFloat8(info.dtype) ? scaleOf(checkpoint, info.name) : undefined;
    const own = scale && blocks.length > 1 ? blockOf(info, scale, blocks) : blocks[0];
    if (scale) checkScale(info, scale, own);
    else if (isFloat8(info.dtype) && info.name.endsWith('weight_zero_point')) throw asymmetric(info);
    else if (scaled && isFloat8(info.dtype) && info.shape.length === 2) throw withoutScale(info);
    widened.set(info.name, { info, scale, block: own });
  }
  if (widened.size === 0) return checkpoint;
  return { ...checkpoint, tensors: visible(checkpoint, widened), read: reader(checkpoint, widened) };
}

/** For people: F8 weights that nothing scales. Some are meant so; more often a scale was lost. */
export function bareFloat8Notes({ tensors }: Checkpoint): string[] {
  const bare = [...tensors.values()].filter(({ stored }) => stored?.is_scaled === false);
  if (bare.length === 0) return [];
  const count =
    bare.length === 1 ? '1 F8 weight has no scale and is' : `${bare.length} F8 weights have no scale and are`;
  return [`${count} taken as stored (${bare[0].name}): if the numbers look wrong, a scale was lost.`];
}

function visible(checkpoint: Checkpoint, widened: ReadonlyMap<string, Widened>): Map<string, TensorInfo> {
  const scales = new Set([...widened.values()].map(({ scale }) => scale?.name));
  const hasFloat8 = [...widened.values()].some(({ info }) => isFloat8(info.dtype));
  const tensors = new Map<string, TensorInfo>();
  for (const [name, info] of checkpoint.tensors) {
    if (scales.has(name) || (hasFloat8 && isActivationScale(name))) continue;
    const { dtype, bytes, shape } = info;
    const wide = widened.get(name);
    const scaled = isFloat8(dtype) ? { is_scaled: wide?.scale !== undefined } : {};
    const stored = { dtype, bytes, ...scaled };
    tensors.set(name, wide ? { ...info, dtype: 'F32', bytes: 4 * elementCount(shape), stored } : info);
  }
  return tensors;
}

function reader(checkpoint: Checkpoint, widened: ReadonlyMap<string, Widened>): Checkpoint['read'] {
  const scalings = new Map<string, Promise<Scaling>>();
  const scaling = (weight: TensorInfo, scale: TensorInfo, block: BlockSize): Promise<Scaling> => {
    const known = scalings.get(weight.name);
    if (known) return known;
    const reading = readScaling(checkpoint, weight, scale, block);
    scalings.set(weight.name, reading);
    // A failed read may succeed later: it is not remembered.
    reading.catch(() => scalings.delete(weight.name));
    return reading;
  };
  return async (name: string, rows?: RowRange) => {
    const bytes = await checkpoint.read(name, rows);
    const found = widened.get(name);
    if (!found) return bytes;
    const { info, scale, block } = found;
    const values = decodeWide(bytes, info.dtype);
    if (scale) (await scaling(info, scale, block))(values, rows ?? { start: 0, end: info.shape[0] ?? 1 });
    return new Uint8Array(values.buffer);
  };
}

function withoutScale({ name, dtype, file }: TensorInfo): WhittleError {
  return new WhittleError({
    code: 'missing_tensor',
    message: `${name} is stored as ${dtype}, and config.json (quantization_config) says that it has a scale, but none is there.`,
    place: { file, tensor: name },
    allowed: 'a scale beside it: weight_scale, weight_scale_inv, scale_weight or weights_scaling_factor',
    action: 'Fetch the missing shard, or open the original, unquantised version of the model.',
  });
}

function asymmetric({ name, dtype, file }: TensorInfo): WhittleError {
  return new WhittleError({
    code: 'unsupported_dtype',
    message: `${name} is a zero point in ${dtype}: the F8 weights beside it are asymmetric, which Whittle does not decode.`,
    place: { file, tensor: name },
    allowed: 'F8 weights that are multiplied by their scale alone (symmetric)',
    action: 'Open the original, unquantised version of the model.',
  });
}
