/** @file Options that every method of grouped integers has, and the packing that they mean for a weight. */
import type { WeightOutline } from '../../models/decoder_model.ts';
import { type Bits, type Grouped, INT8_ROW } from '../../models/packed/packing.ts';
import { choice, numberOr } from './fields.ts';

export interface IntegerOptions {
  readonly bits: Bits;
  readonly group: number | 'row';
  readonly grid: 'source' | 'integer' | 'minimum';
}

export const BITS = choice({ label: 'Bits', help: 'Bits of a weight.', unit: 'bits' }, [2, 3, 4, 8], 4);

export const GROUP = numberOr(
  {
    label: 'Group',
    help: 'Inputs of an output that share a scale. Smaller groups are more exact and cost more bytes. row: all of them.',
    unit: 'inputs',
  },
  ['row'],
  { min: 8, max: 65536, value: 32, whole: true },
);

export const GRID = choice(
  {
    label: 'Grid',
    help: 'Where zero lies: at an integer code, or at a float16 minimum a group, as in GGUF. source: as the opened file has it, where that is quantised.',
  },
  ['source', 'integer', 'minimum'],
  'source',
);

/** GGUF's types that have a minimum a block. */
const WITH_MINIMUM: ReadonlySet<string> = new Set(['Q4_1', 'Q5_1', 'Q2_K', 'Q4_K', 'Q5_K']);

/**
 * 8 bits a row are symmetric with a float32 scale; else float16 scales, and zero where the grid says. Where the source says it,
 * 8 bits in groups are symmetric, too, as Q8_0 has them.
 */
export function integerPacking({ bits, group, grid }: IntegerOptions, source: WeightOutline): Grouped {
  if (bits === 8 && group === 'row') return INT8_ROW;
  const own = grid === 'source' ? zeroOf(source) : grid;
  const zero = own === 'symmetric' && bits !== 8 ? 'integer' : own;
  return { kind: 'grouped', bits, group, zero, scale: 'F16' };
}

/** Fewer bits than 8 that are symmetric are a grid with its zero in the middle: rounded anew, others are better. */
function zeroOf({ dtype, packed }: WeightOutline): Grouped['zero'] {
  if (dtype === 'Q8_0') return 'symmetric';
  if (packed?.kind === 'grouped') return packed.zero === 'symmetric' && packed.bits !== 8 ? 'integer' : packed.zero;
  return WITH_MINIMUM.has(dtype) ? 'minimum' : 'integer';
}
