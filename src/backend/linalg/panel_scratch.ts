/** @file How a product is cut into blocks, tiles and panels, and the scratch memory that they take. */
import { BYTES, type Precision, TILE_ROWS, type TileHeight } from './tile_kernel.ts';

/** A block of A, (BLOCK_M, block of k), stays in the second-level cache; a panel of B in the first. */
export const BLOCK_M = 256;
export const BLOCK_N: Record<Precision, number> = { f32: 1024, f64: 512 };
export const BLOCK_K: Record<Precision, number> = { f32: 384, f64: 256 };
/** Elements of the place where a block lies before it is packed; less where most operands need none. */
export const STAGE = { own: 2 ** 21, shared: 2 ** 19 };
/** The longest stride that is staged as it is, and more than the longest line that is not. */
export const STAGE_LINE = 4096;

/** Elements, at least: what is read in pairs of vectors must not lie across two lines. */
const CACHE_LINE = 16;

/** How many rows of a block go in tall tiles, and how many behind them in short ones; the last may be more than there are. */
export function tiledRows(rows: number, hasTall: boolean): Record<TileHeight, number> {
  const { tall, short } = TILE_ROWS;
  for (const below of hasTall ? [0, short, 2 * short] : []) {
    const above = roundUp(rows, tall - short) - below;
    if (above >= 0 && above % tall === 0) return { tall: above, short: below };
  }
  return { tall: 0, short: roundUp(rows, short) };
}

/** Where a line begins among panels of so many interleaved lines of `steps` elements. */
export const placeInPanels = (line: number, panel: number, steps: number) =>
  Math.floor(line / panel) * panel * steps + (line % panel);

/** Where the last group of a panel begins that starts at line `first`: it is packed first, as it may write beyond the panel. */
export const lastGroup = (first: number, lines: number, panel: number, group: number) =>
  first + Math.floor((Math.min(panel, lines - first) - 1) / group) * group;

export const roundUp = (value: number, multiple: number) => Math.ceil(value / multiple) * multiple;

/** Elements of each part of a product's scratch memory. */
export function scratchParts(precision: Precision, stage: number) {
  const [block_n, block_k] = [BLOCK_N[precision], BLOCK_K[precision]];
  return {
    // A last vector, and last lines that fill one, are read beyond the block.
    stage: stage + 4 * STAGE_LINE,
    // A last tile of rows may be larger than what is left, and vectors of its steps end behind them.
    packed_a: (BLOCK_M + TILE_ROWS.short) * block_k + CACHE_LINE,
    // What a last panel is rounded up by is overwritten or never read, but it must lie somewhere.
    packed_b: block_n * block_k + 512,
    tile_c: (BLOCK_M + TILE_ROWS.short) * block_n,
  };
}

/** Bytes of scratch that a product takes of a shared memory. */
export function sharedScratchBytes(precision: Precision): number {
  const parts = Object.values(scratchParts(precision, STAGE.shared));
  return BYTES[precision] * parts.reduce((sum, elements) => sum + elements, 0);
}
