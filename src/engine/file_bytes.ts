/** @file Bytes of a model's weights in each precision of an export, from its outline: packed weights stay as they are packed. */
import type { Precision } from '../export/precision.ts';
import { type Bits, BLOCK_SIZE } from '../export/quantize/blocks.ts';
import { packedBytes as blockBytes } from '../export/quantize/packed_matrix.ts';
import type { ModelOutline, WeightOutline } from '../models/decoder_model.ts';
import { type WeightRole, weightRoles } from '../models/map_weights.ts';
import { allInputBytes, modelBytes, storedBytes } from '../models/model_size.ts';
import { elementCount } from '../tensor/shape.ts';

/** As `export/precision.ts` has them. */
const FINE_BLOCK_SIZE = 16;

/** `stored` is what the app holds: blocks of a quantised source stay blocks, as in a GGUF file. */
export function fileBytes(model: ModelOutline): Record<Precision, number> {
  const roles = weightRoles(model);
  const inputs = allInputBytes(model);
  const inAll = (precision: Exclude<Precision, 'stored'>) =>
    [...roles].reduce((sum, [weight, role]) => sum + bytesIn(precision, weight, role), inputs);
  return {
    stored: modelBytes(model),
    f32: inAll('f32'),
    f16: inAll('f16'),
    int8: inAll('int8'),
    int4: inAll('int4'),
  };
}

function bytesIn(precision: Exclude<Precision, 'stored'>, weight: WeightOutline, role: WeightRole): number {
  // A method's packing is not rounded once more.
  if (weight.packed) return storedBytes(weight);
  const elements = elementCount(weight.shape);
  if (precision === 'f32' || role === 'vector') return 4 * elements;
  if (precision === 'f16') return 2 * elements;
  if (role === 'positions') return 4 * elements;
  const [first, second] = weight.shape;
  const [rows, columns] = role === 'projection' ? [second, first] : [first, second];
  const bits: Bits = precision === 'int8' || role === 'table' ? 8 : 4;
  const block_size = role === 'projection' && bits === 4 ? FINE_BLOCK_SIZE : BLOCK_SIZE;
  return blockBytes({ rows, columns, bits, block_size, has_zero_points: bits === 4 });
}
