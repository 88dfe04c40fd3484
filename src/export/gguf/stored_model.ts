/** @file The model of exactly one GGUF file: block types stay, grouped integers become the blocks that hold them, the rest are floats. */
import type { DecoderModel, ModelOutline, WeightRef } from '../../models/decoder_model.ts';
import { bytesPerElement, isFloatType } from '../../tensor/dtype.ts';
import { elementCount } from '../../tensor/shape.ts';
import { replaceWeights, weightRoles } from '../map_weights.ts';
import { type Precision, quantizedModel } from '../precision.ts';
import { asBlocks, groupedBlock, storedBlock } from './grouped_blocks.ts';

export type GgufPrecision = Extract<Precision, 'stored' | 'f32' | 'f16'>;

/**
 * @param precision Of floats, and with `f16` and `f32` of the blocks that the opened file had; what a recipe or another
 * tool packed stays packed in any.
 */
export async function ggufModel(
  model: DecoderModel,
  precision: GgufPrecision,
  signal?: AbortSignal,
): Promise<DecoderModel> {
  const blocks = new Map<WeightRef, WeightRef>();
  const held = new Set<WeightRef>();
  for (const [ref, role] of weightRoles(model)) {
    const type = role === 'vector' ? undefined : groupedBlock(ref.packed, ref.shape[1]);
    const made = type ? asBlocks(ref, type) : ref;
    if (type) blocks.set(ref, made);
    const isKept = type || ref.packed?.kind === 'blocks' || (precision === 'stored' && storedBlock(ref));
    // Vectors are F32 in any case.
    if (isKept || (role === 'vector' && precision === 'stored')) held.add(made);
  }
  return quantizedModel(replaceWeights(model, blocks), precision, { signal, keep: (ref) => held.has(ref) });
}

/** Bytes of the weights of the file that stores a model as it is, from its outline. @param copies Of a table that is tied. */
export function ggufWeightBytes(model: ModelOutline, copies = 1): number {
  const tied = model.embed_tokens.weight === model.lm_head.weight ? model.lm_head.weight : undefined;
  let bytes = 0;
  for (const [weight, role] of weightRoles(model)) {
    const { dtype, stored, shape } = weight;
    const elements = elementCount(shape);
    const block = storedBlock(weight);
    const own = stored ? stored.bytes / elements : bytesPerElement(dtype);
    const floats = isFloatType(dtype) && own >= 2 ? bytesPerElement(dtype) : 2;
    const each = role === 'vector' ? 4 : block ? bytesPerElement(block) : floats;
    bytes += each * elements * (weight === tied ? copies : 1);
  }
  return bytes;
}
