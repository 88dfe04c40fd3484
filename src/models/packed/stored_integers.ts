/** @file Whole numbers of a file, as a packed weight has them: so they are counted, and an export may keep them. */
import type { StoredIntegers } from '../../formats/integers.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { WeightRef } from '../decoder_model.ts';
import type { Grouped } from './packing.ts';

export function packedIntegers(shape: Shape, integers: StoredIntegers): Required<Pick<WeightRef, 'packed' | 'unpack'>> {
  const { bits, group, zero, scale, ordered } = integers;
  const packing: Grouped = { kind: 'grouped', bits, group, zero, scale, ...(ordered && { ordered }) };
  const unpack = async (rows = { start: 0, end: shape[0] }) => ({ packing, ...(await integers.read(rows)) });
  return { packed: packing, unpack };
}
