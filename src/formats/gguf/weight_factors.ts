/**
 * @file Factors that lie beside weights: `blk.0.attn_q.scale` multiplies `blk.0.attn_q.weight`, where the blocks alone do not
 * have the range (NVFP4's second scale, BitNet's). Source: llama.cpp, `build_lora_mm`.
 */
import { decodeStored } from '../../tensor/decode.ts';
import { isDType } from '../../tensor/dtype.ts';
import { elementCount } from '../../tensor/shape.ts';
import { quoteText } from '../json.ts';
import type { StoredTensor } from './checkpoint.ts';
import { badGguf } from './errors.ts';

export interface WeightFactors {
  /** Name of a weight's tensor → its factor. */
  readonly of: ReadonlyMap<string, number>;
  /** Names of the factors' own tensors, and of those that only say how activations would be quantised. */
  readonly tensors: ReadonlySet<string>;
}

const FACTOR = /\.scale$/;
/** For tools that quantise activations, too; the weights are what they are without it. */
const INPUT_FACTOR = /\.input_scale$/;

/** Reads them all; each is one number. Throws `bad_gguf`. */
export async function readFactors(tensors: ReadonlyMap<string, StoredTensor>): Promise<WeightFactors> {
  const of = new Map<string, number>();
  const names = new Set<string>();
  for (const tensor of tensors.values()) {
    const { name, type, shape, source, offset, bytes } = tensor;
    const weight = name.replace(INPUT_FACTOR, '.weight').replace(FACTOR, '.weight');
    if (weight === name || !tensors.has(weight)) continue;
    names.add(name);
    if (INPUT_FACTOR.test(name)) continue;
    if (elementCount(shape) !== 1 || !isDType(type)) {
      throw badGguf(source.name, `The factor ${quoteText(name)} has ${elementCount(shape)} numbers of ${type}.`, {
        tensor: name,
        allowed: 'one number of F32',
      });
    }
    const [factor] = decodeStored(await source.read(offset, bytes), type);
    if (!Number.isFinite(factor)) {
      throw badGguf(source.name, `The factor ${quoteText(name)} is ${factor}.`, {
        tensor: name,
        allowed: 'a finite number',
      });
    }
    of.set(weight, factor);
  }
  return { of, tensors: names };
}
