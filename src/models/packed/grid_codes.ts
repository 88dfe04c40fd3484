/** @file Which codes a grid has. */
import type { GroupedValues } from './values.ts';

/**
 * The least and the greatest code. Symmetric grids have as many on both sides of 0, as Whittle rounds to them, and one more below
 * where the file uses it.
 */
export function gridCodes({ packing: { bits, zero }, codes }: Pick<GroupedValues, 'packing' | 'codes'>): {
  lowest: number;
  highest: number;
} {
  if (zero !== 'symmetric') return { lowest: 0, highest: 2 ** bits - 1 };
  const half = 2 ** (bits - 1);
  const mask = 2 ** bits - 1;
  return { lowest: codes.some((code) => (code & mask) === half) ? -half : 1 - half, highest: half - 1 };
}
