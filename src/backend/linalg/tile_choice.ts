/**
 * @file Which tiles are the faster ones in this engine. Wide tiles pay where it joins pairs of vectors into 256-bit ones, and
 * cost half where it does not, and no feature test tells. So blocks of products try both in turn and the better are kept;
 * results do not depend on it. Only blocks of one size that are not far from one another are compared, and the middle one of
 * several comparisons counts: how fast a thread is changes with the shape, and by half from one moment to the next on a machine that
 * others use, too. Tiles take turns within each size: a product whose blocks go large, small, large, small would else give all large
 * ones the same. First blocks are by the engine's quick compiler, and the good one may be late where all threads compute: so both
 * are tried again, ever more rarely.
 */
import type { TileWidth } from './tile_kernel.ts';

/** Multiply-adds below which a block's time tells little. */
const LEAST_WORK = 2 ** 20;
/** Comparisons in a round, and the most blocks that it lasts: sizes may change with every block. */
const ROUND = { comparisons: 9, blocks: 64 };
/** Fewer comparisons change nothing. */
const FEWEST = 3;
/** Sizes that count as one. */
const ALIKE = 1.1;
/** How many blocks back a size is looked for. */
const NEAR = 8;
/** Blocks between rounds: so many more each time, up to the most. */
const PAUSE = { first: 32, factor: 4, most: 2048 };

const OTHER: Record<TileWidth, TileWidth> = { narrow: 'wide', wide: 'narrow' };

interface Block {
  width: TileWidth;
  size: number;
  /** Milliseconds a multiply-add. */
  pace: number;
}

export class TileChoice {
  private faster: TileWidth = 'narrow';
  /** The last blocks of this round, the newest first. */
  private recent: Block[] = [];
  /** Of this round: wide tiles' time as a share of narrow ones'. Undefined between rounds. */
  private shares?: number[] = [];
  /** Since the round or the pause began. */
  private blocks = 0;
  private pause: number = PAUSE.first;

  /** @param settled Nothing is tried: these it is. */
  constructor(private readonly settled?: TileWidth) {}

  /** The width for a block of so many multiply-adds. */
  width(size: number): TileWidth {
    if (this.settled) return this.settled;
    if (!this.shares || size < LEAST_WORK) return this.faster;
    return OTHER[(this.lastOf(size) ?? this.recent[0])?.width ?? 'wide'];
  }

  /** Whether to tell {@link took} how long the block takes. */
  isTimed(size: number): boolean {
    return !this.settled && size >= LEAST_WORK;
  }

  /**
   * @param size As {@link width} was told.
   * @param work Multiply-adds that were done: of a triangle fewer than of its block.
   */
  took(width: TileWidth, size: number, work: number, ms: number): void {
    this.blocks++;
    const { shares } = this;
    if (!shares) {
      if (this.blocks >= this.pause) this.begin();
      return;
    }
    const before = this.lastOf(size);
    const pace = ms / work;
    this.recent = [{ width, size, pace }, ...this.recent].slice(0, NEAR);
    if (before && before.width !== width) {
      const share = pace / before.pace;
      shares.push(width === 'wide' ? share : 1 / share);
    }
    if (shares.length >= ROUND.comparisons || this.blocks >= ROUND.blocks) this.judge(shares);
  }

  private lastOf(size: number): Block | undefined {
    return this.recent.find((block) => areAlike(block.size, size));
  }

  private begin(): void {
    this.shares = [];
    this.recent = [];
    this.blocks = 0;
    this.pause = Math.min(PAUSE.factor * this.pause, PAUSE.most);
  }

  private judge(shares: number[]): void {
    if (shares.length >= FEWEST) {
      const middle = shares.sort((a, b) => a - b)[Math.floor(shares.length / 2)];
      // A clock that tells steps of a tenth of a millisecond may tell nothing at all.
      if (!Number.isNaN(middle)) this.faster = middle < 1 ? 'wide' : 'narrow';
    }
    this.shares = undefined;
    this.blocks = 0;
  }
}

function areAlike(a: number, b: number): boolean {
  return Math.max(a, b) <= ALIKE * Math.min(a, b);
}
