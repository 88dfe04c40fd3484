import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../matrix_families.ts';
import { transposed, view } from './gemm.ts';
import { PanelProduct } from './panel_product.ts';
import { TileChoice } from './tile_choice.ts';
import type { TileWidth } from './tile_kernel.ts';

const WORK = 2 ** 24;

/** Blocks of two rounds and the pause between them. */
const TWO_ROUNDS = 10 + 32 + 10;
const THREE_ROUNDS = TWO_ROUNDS + 128 + 10;

/** How long a multiply-add of a block takes. */
type Times = Record<TileWidth, (block: number) => number>;

function widths(blocks: number, ns: Times, work: (block: number) => number = () => WORK): TileWidth[] {
  const choice = new TileChoice();
  return Array.from({ length: blocks }, (_, block) => {
    const width = choice.width(work(block));
    choice.took(width, work(block), work(block), ns[width](block) * work(block));
    return width;
  });
}

/** What the blocks behind some were given. */
function settled(ns: Times, blocks = 10, work?: (block: number) => number): TileWidth {
  const last = widths(blocks + 8, ns, work).slice(-8);
  expect(new Set(last).size).toBe(1);
  return last[0];
}

describe('the choice of tiles', () => {
  it('takes the faster ones', () => {
    expect(settled({ narrow: () => 2, wide: () => 1 })).toBe('wide');
    expect(settled({ narrow: () => 2, wide: () => 1.7 })).toBe('wide');
    expect(settled({ narrow: () => 1, wide: () => 2 })).toBe('narrow');
  });

  it('compares blocks of one size, at one time', () => {
    const size = (block: number) => (block % 5 < 3 ? WORK : WORK / 8);
    // Small blocks are faster here, whatever their tiles; and all are slower for a while.
    const base = (block: number) => (size(block) === WORK ? 2 : 1) * (block % 20 < 10 ? 1 : 2);
    expect(settled({ narrow: base, wide: (block) => 0.8 * base(block) }, 30, size)).toBe('wide');
    expect(settled({ narrow: (block) => 0.8 * base(block), wide: base }, 30, size)).toBe('narrow');
  });

  it('compares where sizes take turns', () => {
    for (const period of [2, 3, 4, 6]) {
      const size = (block: number) => WORK * 2 ** (block % period);
      const times = (narrow: number, wide: number): Times => ({ narrow: () => narrow, wide: () => wide });
      expect(settled(times(2, 1.3), 64, size), `${period} sizes`).toBe('wide');
      expect(settled(times(1.3, 2), 64, size), `${period} sizes`).toBe('narrow');
    }
  });

  it('counts what was done of a triangle, whose blocks are of one size', () => {
    const choice = new TileChoice();
    for (let block = 0; block < 20; block++) {
      const done = block % 2 === 0 ? 0.8 * WORK : 0.3 * WORK;
      const width = choice.width(WORK);
      choice.took(width, WORK, done, done * (width === 'wide' ? 1 : 1.6));
    }
    expect(choice.width(WORK)).toBe('wide');
  });

  it('passes over whoever gets in between', () => {
    const disturbed = (ns: number) => (block: number) => (block % 5 === 1 ? 50 : ns);
    expect(settled({ narrow: disturbed(2), wide: disturbed(1.7) })).toBe('wide');
    expect(settled({ narrow: disturbed(1.7), wide: disturbed(2) })).toBe('narrow');
  });

  it('comes back to tiles whose good code was late', () => {
    const late = (block: number) => (block < 40 ? 50 : 1);
    expect(settled({ narrow: () => 2, wide: late }, 11)).toBe('narrow');
    expect(settled({ narrow: () => 2, wide: late }, THREE_ROUNDS)).toBe('wide');
    expect(settled({ narrow: late, wide: () => 2 }, THREE_ROUNDS)).toBe('narrow');
  });

  it('tries the slower ones ever more rarely', () => {
    const all = widths(30_000, { narrow: () => 1, wide: () => 2 });
    const slow = (from: number, to: number) => all.slice(from, to).filter((width) => width === 'wide').length;
    expect(slow(0, 10)).toBe(5);
    expect(slow(10, TWO_ROUNDS)).toBe(5);
    expect(slow(TWO_ROUNDS, 1000)).toBeLessThan(12);
    expect(slow(10_000, 20_000)).toBeGreaterThan(0);
    expect(slow(10_000, 20_000)).toBeLessThan(30);
  });

  it('changes nothing where the clock tells nothing, or no two sizes are alike', () => {
    expect(settled({ narrow: () => 0, wide: () => 0 })).toBe('narrow');
    expect(settled({ narrow: () => 2, wide: () => 1 }, 64, (block) => WORK * 1.2 ** block)).toBe('narrow');
  });

  it('learns nothing from small blocks', () => {
    const choice = new TileChoice();
    expect(choice.isTimed(1000)).toBe(false);
    expect(choice.width(1000)).toBe('narrow');
  });
});

/** Tails in rows, columns and depth, and more than a block of each. */
const SHAPES = [
  [5, 19, 7],
  [67, 531, 300],
  [300, 1040, 33],
] as const;

describe.each(['f32', 'f64'] as const)('wide tiles in %s', (precision) => {
  const Values = precision === 'f32' ? Float32Array : Float64Array;
  const [narrow, wide] = (['narrow', 'wide'] as const).map(
    (tiles) => new PanelProduct(precision, false, undefined, tiles),
  );

  it.each(SHAPES)('give the bits of narrow ones for (%i, %i) from %i products', (m, n, k) => {
    const uniform = randomNumbers(m);
    const random = (count: number) => new Values(count).map(() => uniform() - 0.5);
    const [a, b, before] = [random(m * k), random(k * n), random(m * n)];
    for (const adds of [false, true]) {
      const results = [narrow, wide].map((product) => {
        const c = before.slice();
        product.multiply(m, n, k, view(a, k), view(b, n), view(c, n), { adds });
        return c;
      });
      expect(results[1].findIndex((value, i) => value !== results[0][i])).toBe(-1);
      let first = adds ? before[0] : 0;
      for (let p = 0; p < k; p++) first += a[p] * b[p * n];
      expect(results[1][0]).toBeCloseTo(first, 4);
    }
  });

  it('touch only the upper triangle on request', () => {
    const n = 150;
    const uniform = randomNumbers(3);
    const x = new Values(n * 9).map(() => uniform() - 0.5);
    const [c, d] = [narrow, wide].map((product) => {
      const gram = new Values(n * n).fill(7);
      product.multiply(n, n, 9, transposed(view(x, n)), view(x, n), view(gram, n), { adds: true, upper: true });
      return gram;
    });
    expect(d.findIndex((value, i) => value !== c[i])).toBe(-1);
    expect(d[n]).toBe(7);
    expect(d[1]).not.toBe(7);
  });
});
