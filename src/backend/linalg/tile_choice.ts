/**
 * @file Which tiles are the faster ones in this engine. Wide tiles pay where it joins pairs of vectors into 256-bit ones, and
 * cost half where it does not, and no feature test tells. So the first products try both in turn and keep the better;
 * results do not depend on it. The least time counts: the first runs are by the engine's quick compiler, and on a busy machine
 * others get in between.
 */
import type { TileWidth } from './tile_kernel.ts';

/** Multiply-adds below which a block's time tells little. */
const LEAST_WORK = 2 ** 20;
/** Blocks that each width is tried on. */
const TRIES = 24;
/** Wide tiles are taken where they need at most this share of the others' time. */
const WORTHWHILE = 0.85;

export class TileChoice {
  private readonly least: Record<TileWidth, number> = {
    narrow: Number.POSITIVE_INFINITY,
    wide: Number.POSITIVE_INFINITY,
  };
  private readonly tries: Record<TileWidth, number> = { narrow: 0, wide: 0 };

  /** @param settled Nothing is tried: these it is. */
  constructor(private settled?: TileWidth) {}

  /** The width for a block of so many multiply-adds. */
  width(work: number): TileWidth {
    if (this.settled) return this.settled;
    return work >= LEAST_WORK && this.tries.wide < this.tries.narrow ? 'wide' : 'narrow';
  }

  /** Whether to tell {@link took} how long the block takes. */
  isOpen(work: number): boolean {
    return !this.settled && work >= LEAST_WORK;
  }

  /** @param work Of which a triangle has less than its block. */
  took(width: TileWidth, work: number, ms: number): void {
    const { least, tries } = this;
    tries[width]++;
    least[width] = Math.min(least[width], ms / work);
    if (tries.narrow >= TRIES && tries.wide >= TRIES) {
      this.settled = least.wide < WORTHWHILE * least.narrow ? 'wide' : 'narrow';
    }
  }
}
