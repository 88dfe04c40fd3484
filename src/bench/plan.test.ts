import { describe, expect, it } from 'vitest';
import { MATRIX_FAMILIES } from '../backend/matrix_families.ts';
import { BENCH_USAGE, parseBenchOptions } from './options.ts';
import { benchPlan, TIMED_FAMILY, TRIDIAGONAL, timesInSmolLm2 } from './plan.ts';

describe('what the bench measures', () => {
  const { products, eigen } = benchPlan(false);

  it('has every product of a 135 M model once, by what it is for', () => {
    const small = products.filter(({ product }) => product.startsWith('135M'));
    expect(small).toEqual([
      { product: '135M q, o', m: 256, k: 576, n: 576 },
      { product: '135M k, v', m: 256, k: 576, n: 192 },
      { product: '135M gate, up', m: 256, k: 576, n: 1536 },
      { product: '135M down', m: 256, k: 1536, n: 576 },
      { product: '135M head block', m: 256, k: 576, n: 14560 },
    ]);
  });

  it('has the products of a token and of 256 with packed matrices, each as often as a model has it', () => {
    const { packed } = benchPlan(true);
    const weights = packed
      .filter(({ m, product }) => m === 1 && product.startsWith('135M'))
      .reduce((sum, shape) => sum + timesInSmolLm2(shape) * shape.k * shape.n, 0);
    // 30 layers and the head, which is the table.
    expect(weights).toBe(30 * (2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * 1536) + 576 * 49152);
    expect(packed.some(({ m }) => m === 256)).toBe(true);
  });

  it('has those of a 7 B model, and cubes', () => {
    const shapes = products.map(({ m, k, n }) => [m, k, n].join(' '));
    expect(shapes).toEqual(expect.arrayContaining(['512 512 512', '1024 1024 1024', '64 4096 11008', '64 11008 4096']));
  });

  it('decomposes all families by the main solver to n = 2048', () => {
    const all = eigen.filter(({ solver, families }) => solver === TRIDIAGONAL && families === 'all');
    expect(all.map(({ n }) => n)).toEqual([64, 256, 576, 1024, 2048]);
    expect(MATRIX_FAMILIES.map(({ name }) => name)).toContain(TIMED_FAMILY);
  });

  it('measures less when it shall be quick', () => {
    const quick = benchPlan(true);
    expect(quick.products.length).toBeLessThan(products.length);
    expect(Math.max(...quick.eigen.map(({ n }) => n))).toBe(576);
  });
});

describe('the options of the bench', () => {
  it('are told by its usage', () => {
    expect(parseBenchOptions([])).toEqual({ quick: false });
    const argv = ['--quick', '--json', 'a.json', '--model', 'm.gguf', '--calibration', 'c', '--evaluation', 'e'];
    expect(parseBenchOptions(argv)).toEqual({
      ...{ quick: true, json: 'a.json', model: 'm.gguf', calibration: 'c', evaluation: 'e' },
    });
    for (const name of argv.filter((part) => part.startsWith('--'))) expect(BENCH_USAGE).toContain(name);
    expect(parseBenchOptions(['--studio'])).toEqual({ quick: false, studio: true });
    expect(BENCH_USAGE).toContain('--studio');
    expect(parseBenchOptions(['--help'])).toBeUndefined();
  });

  it('refuses what they do not know, and texts without a model', () => {
    expect(() => parseBenchOptions(['--fast'])).toThrow(TypeError);
    expect(() => parseBenchOptions(['--evaluation', 'e'])).toThrow(/--model/);
  });
});
