/**
 * @file How the CPU backend holds a matrix with two of every four inputs stored: four rows are a quad. Of each four inputs the
 * first values of its rows lie side by side, then the second ones; and behind all values, likewise, their places, 2 bits each.
 */
import type { SparseMatrix } from '../backend.ts';
import { QUAD } from './packed_layout.ts';
import { wordsOf } from './write_packed.ts';

export interface SparseLayout {
  readonly rows: number;
  readonly columns: number;
  readonly floats: 'F16' | 'F32';
  /** Of a row: its inputs in fours. */
  readonly fours: number;
  readonly places_at: number;
  readonly bytes: number;
}

export const valueBytes = (floats: SparseLayout['floats']) => (floats === 'F16' ? 2 : 4);
/** Bytes of the values of a quad's four inputs. */
export const fourBytes = (floats: SparseLayout['floats']) => 2 * QUAD * valueBytes(floats);
/** Bytes of their places. */
export const PLACE_BYTES = 2;

/** Undefined where rows are no whole fours, or a value is no finite float16, which the loops do not read. */
export function sparseLayoutOf({ rows, columns, floats, values }: SparseMatrix): SparseLayout | undefined {
  if (columns % 4 !== 0) return undefined;
  if (floats === 'F16') for (let i = 1; i < values.length; i += 2) if ((values[i] & 0x7c) === 0x7c) return undefined;
  const fours = columns / 4;
  const quads = Math.ceil(rows / QUAD);
  const places_at = quads * fours * fourBytes(floats);
  return { rows, columns, floats, fours, places_at, bytes: places_at + quads * fours * PLACE_BYTES };
}

/** Writes a matrix. @param out Of `layout.bytes`, all zero. */
export function writeSparse({ values, places }: SparseMatrix, layout: SparseLayout, out: Uint8Array): void {
  const { rows, fours, floats, places_at } = layout;
  const size = valueBytes(floats);
  const from = wordsOf(values.byteOffset % size === 0 ? values : values.slice(), size);
  const to = wordsOf(out.subarray(0, places_at), size);
  for (let row = 0, pair = 0; row < rows; row++) {
    const [quad, lane] = [Math.floor(row / QUAD), row % QUAD];
    for (let four = 0; four < fours; four++, pair++) {
      const at = quad * fours + four;
      to[2 * QUAD * at + lane] = from[2 * pair];
      to[2 * QUAD * at + QUAD + lane] = from[2 * pair + 1];
      const both = places[pair >> 1] >> (4 * (pair & 1));
      out[places_at + 2 * at] |= (both & 3) << (2 * lane);
      out[places_at + 2 * at + 1] |= ((both >> 2) & 3) << (2 * lane);
    }
  }
}

/**
 * Of each byte of four places, the bytes of four floats to pick from a vector of four: what a swizzle takes. 256 vectors.
 */
export function swizzleTable(table: Uint32Array): void {
  for (let i = 0; i < table.length; i++) table[i] = (((i >> 2) >> (2 * (i & 3))) & 3) * 0x04040404 + 0x03020100;
}
export const SWIZZLE_WORDS = 1024;
