/**
 * @file In which numbers an export stores its weights. {@link quantizedModel} is the model of exactly that file: the
 * writer stores its weights, and the runtime that evaluates it computes the file's perplexity.
 */
import { cancelled } from '../errors/errors.ts';
import type { DecoderModel, WeightRef } from '../models/decoder_model.ts';
import { withoutInputs } from '../models/input_quantization.ts';
import { asFloatType } from '../models/weight_views.ts';
import { decodeStored } from '../tensor/decode.ts';
import { bytesPerElement, isFloatType } from '../tensor/dtype.ts';
import { fitInHalf } from '../tensor/half.ts';
import { elementCount } from '../tensor/shape.ts';
import { replaceWeights, type WeightRole, weightRoles } from './map_weights.ts';
import { piecesForOnnx, tableForOnnx } from './packed/for_onnx.ts';
import { isQuantized, quantizedColumns, quantizedRows } from './quantize/quantized_ref.ts';

/**
 * - `stored`: as the model holds them; what ONNX has no type for (GGUF's blocks, F8) becomes F16.
 * - `f32`: all F32.
 * - `f16`: matrices F16, vectors F32. Computation stays f32: the graph casts.
 * - `int8`: all matrices in 8-bit blocks of 32; learned positions are F32.
 * - `int4`: everything that is multiplied in 4 bits, because the older WebGPU provider of onnxruntime-web takes no 8: linears
 *   and head (so also a tied table) in blocks of 32, SliceGPT's shortcuts, whose errors reach every later layer, in blocks
 *   of 16. An embedding by itself keeps 8 bits, learned positions are F32. What that costs is measured in docs/compatibility.md.
 *
 * Where F16 is wanted, a weight with a value beyond its range is F32.
 */
export type Precision = 'stored' | 'f32' | 'f16' | 'int8' | 'int4';

/** Whether a file of other packings than ONNX's holds a packed weight as it is. */
export type KeepPacked = (ref: WeightRef, role: WeightRole) => boolean;

const FINE_BLOCK_SIZE = 16;

const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * The model with its weights as a file of this precision holds them. Nothing is converted here: weights are while they
 * are read. A method's packings stay where `keepPacked` (the ONNX formats) and become floats elsewhere. Only to decide on F16 all values of a weight are read once; the answer is remembered.
 */
export async function quantizedModel(
  model: DecoderModel,
  precision: Precision,
  options: { signal?: AbortSignal; keepPacked?: boolean; keep?: KeepPacked } = {},
): Promise<DecoderModel> {
  // Only ONNX's graphs round what linears read.
  const read = options.keepPacked ? model : withoutInputs(model);
  const replacements = new Map<WeightRef, WeightRef>();
  for (const [ref, role] of weightRoles(model)) {
    if (options.signal?.aborted) throw cancelled();
    // What a file of packed weights holds as it is: a tied table is no linear of its own there.
    const isHeld = options.keep?.(ref, ref === model.embed_tokens.weight ? 'table' : role);
    const packed = isHeld ? ref : options.keepPacked ? await asPacked(ref, role) : undefined;
    replacements.set(ref, packed ?? (await inPrecision(ref, role, floatsOf(ref, precision), options.signal)));
  }
  return replaceWeights(read, replacements);
}

/** For ONNX: what a method packed, as its operators take it; undefined where that is as floats. */
async function asPacked(ref: WeightRef, role: WeightRole): Promise<WeightRef | undefined> {
  if (!ref.packed) return undefined;
  return role === 'table' || role === 'head' ? tableForOnnx(ref) : piecesForOnnx(ref);
}

/** A method's packing is not rounded once more: it is written as floats where the file cannot hold it. */
function floatsOf(ref: WeightRef, precision: Precision): Precision {
  return ref.packed && (precision === 'int8' || precision === 'int4') ? 'stored' : precision;
}

async function inPrecision(
  ref: WeightRef,
  role: WeightRole,
  precision: Precision,
  signal?: AbortSignal,
): Promise<WeightRef> {
  if (isQuantized(ref)) return ref;
  if (precision === 'stored') return asStored(ref, signal);
  if (precision === 'f32' || role === 'vector') return asFloatType(ref, 'F32');
  if (precision === 'f16') return asHalf(ref, signal);
  // Small beside the rest, and f16 would ask WebGPU for `shader-f16`.
  if (role === 'positions') return asFloatType(ref, 'F32');
  if (role === 'table') return quantizedRows(ref, 8);
  if (precision === 'int8') return role === 'projection' ? quantizedColumns(ref, 8) : quantizedRows(ref, 8);
  return role === 'projection' ? quantizedColumns(ref, 4, FINE_BLOCK_SIZE) : quantizedRows(ref, 4);
}

export function asStored(ref: WeightRef, signal?: AbortSignal): WeightRef | Promise<WeightRef> {
  const stored = ref.stored ? ref.stored.bytes / elementCount(ref.shape) : bytesPerElement(ref.dtype);
  return isFloatType(ref.dtype) && stored >= 2 ? ref : asHalf(ref, signal);
}

async function asHalf(ref: WeightRef, signal?: AbortSignal): Promise<WeightRef> {
  return asFloatType(ref, (await fitsHalf(ref, signal)) ? 'F16' : 'F32');
}

const known = new WeakMap<WeightRef, boolean>();

/** Whether every value is finite as f16. */
async function fitsHalf(ref: WeightRef, signal?: AbortSignal): Promise<boolean> {
  if (ref.dtype === 'F16') return true;
  const before = known.get(ref);
  if (before !== undefined) return before;
  const fits = await allFit(ref, signal);
  known.set(ref, fits);
  return fits;
}

async function allFit(ref: WeightRef, signal?: AbortSignal): Promise<boolean> {
  const rows = ref.shape[0] ?? 1;
  const step = Math.max(1, Math.floor(CHUNK_BYTES / ((4 * elementCount(ref.shape)) / rows)));
  for (let start = 0; start < rows; start += step) {
    if (signal?.aborted) throw cancelled();
    const values = decodeStored(await ref.read({ start, end: Math.min(rows, start + step) }), ref.dtype);
    if (!fitInHalf(values)) return false;
  }
  return true;
}
