import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../matrix_families.ts';
import { transposed, view } from './gemm.ts';
import { PanelProduct } from './panel_product.ts';
import { TileChoice } from './tile_choice.ts';
import type { TileWidth } from './tile_kernel.ts';

const WORK = 2 ** 24;

/** Tells the choice of 60 blocks that take so long a multiply-add. */
function settled(ns: Record<TileWidth, (block: number) => number>): TileWidth {
  const choice = new TileChoice();
  for (let block = 0; block < 60 && choice.isOpen(WORK); block++) {
    const width = choice.width(WORK);
    choice.took(width, WORK, ns[width](block) * WORK);
  }
  expect(choice.isOpen(WORK)).toBe(false);
  return choice.width(WORK);
}

describe('the choice of tiles', () => {
  it('takes wide tiles only where they are clearly faster', () => {
    expect(settled({ narrow: () => 2, wide: () => 1 })).toBe('wide');
    expect(settled({ narrow: () => 2, wide: () => 1.9 })).toBe('narrow');
    expect(settled({ narrow: () => 1, wide: () => 2 })).toBe('narrow');
  });

  it('passes over the quick compiler and whoever got in between', () => {
    const often = (block: number) => (block < 20 || block % 3 > 0 ? 50 : 1);
    expect(settled({ narrow: () => 2, wide: often })).toBe('wide');
    expect(settled({ narrow: often, wide: () => 2 })).toBe('narrow');
  });

  it('learns nothing from small blocks', () => {
    const choice = new TileChoice();
    expect(choice.isOpen(1000)).toBe(false);
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
