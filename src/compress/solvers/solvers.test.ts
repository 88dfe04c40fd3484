/** Every solver against the torch oracle's values on fixed matrices (`tools/solvers/make_fixtures.py`). */
import { describe, expect, it } from 'vitest';
import expected from '../../../test/fixtures/solvers.json';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import { dense } from '../../models/packed/dense.ts';
import type { Grouped } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { correctWeights } from '../layerwise/correction.ts';
import { awqScale, clippedRounding, scaled } from './awq.ts';
import { type GptqOptions, gptq } from './gptq.ts';
import { roundToNearest } from './grid.ts';
import { diagonalOf } from './hessian.ts';
import { decodeLowRank, lowRank, rankOf } from './low_rank.ts';
import { maskedLeastSquares } from './masked_least_squares.ts';
import { keepHighest, masked } from './masks.ts';
import { owq } from './owq.ts';
import { sparseGpt } from './sparsegpt.ts';

function numbers(seed: number, count: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

function makeCase(seed: number, rows: number, columns: number, tokens: number) {
  const W = numbers(seed, rows * columns);
  const noise = numbers(seed + 1, tokens * columns);
  const X = noise.map((value, i) => {
    const column = i % columns;
    if (column === Math.floor(columns / 2)) return 0;
    // As the script: what is added is the scaled first column.
    return value * (0.2 + (column % 7)) + 0.5 * noise[i - column];
  });
  const gram = new Float64Array(columns * columns);
  addProduct(columns, columns, tokens, transposed(view(X, columns)), view(X, columns), view(gram, columns));
  return { W, X, gram, rows, columns, tokens };
}

const small = makeCase(7, 6, 40, 90);
const long = makeCase(11, 3, 150, 260);
const packing = (bits: Grouped['bits'], group: Grouped['group'] = 16, zero: Grouped['zero'] = 'integer'): Grouped => ({
  ...{ kind: 'grouped', bits, group, zero, scale: 'F16' },
});

/** Stored numbers are f32. */
function expectValues(found: ArrayLike<number>, wanted: number[][], digits = 6): void {
  const flat = wanted.flat();
  expect(found.length).toBe(flat.length);
  let worst = 0;
  for (let i = 0; i < flat.length; i++) worst = Math.max(worst, Math.abs(found[i] - flat[i]));
  expect(worst).toBeLessThan(10 ** -digits);
}

describe('round to nearest', () => {
  it.each([2, 3, 4, 8] as const)('in %i bits', (bits) => {
    const { W, rows, columns } = small;
    for (const group of [16, 32, 0] as const) {
      const key = `${bits},${group}` as keyof typeof expected.rtn;
      const found = roundToNearest(W, rows, columns, packing(bits, group || 'row'));
      expect(found.scales.length).toBe(rows * Math.ceil(columns / (group || columns)));
      expectValues(dense(found), expected.rtn[key]);
    }
  });

  it('with a float16 minimum', () => {
    const { W, rows, columns } = small;
    expectValues(dense(roundToNearest(W, rows, columns, packing(4, 16, 'minimum'))), expected.rtn.minimum);
  });
});

describe('GPTQ', () => {
  const run = async (name: keyof typeof expected.gptq, options: Partial<GptqOptions>, from = small) => {
    const { W, rows, columns, gram } = from;
    const found = await gptq(W, rows, columns, gram, { packing: packing(4), ...options });
    expectValues(dense(found), expected.gptq[name]);
  };

  it('from left to right', () => run('natural', {}));
  it('by falling diagonal, static groups', () => run('static', { order: 'static' }));
  it('by falling diagonal, dynamic groups', () => run('dynamic', { order: 'dynamic' }));
  it('with grids as the official code finds them', () => run('lazy', { params: 'lazy' }));
  it('with one grid a row', () => run('row', { packing: packing(4, 'row') }));
  it('in three bits', () => run('three', { packing: packing(3) }));
  it('in two bits', () => run('two', { packing: packing(2) }));
  it('with a float16 minimum', () => run('minimum', { packing: packing(4, 16, 'minimum') }));
  it('over more than one block of columns', () => run('long', { packing: packing(4, 32) }, long));
  it('over more than one block, official grids', () =>
    run('long lazy', { packing: packing(4, 32), params: 'lazy' }, long));

  it('is GPTAQ where inputs have drifted: no drift changes nothing, a drift loses less of the dense output', async () => {
    const { W, rows, columns, gram, X, tokens } = small;
    const options: GptqOptions = { packing: packing(3) };
    const plain = await gptq(W, rows, columns, gram, options);
    const none = await gptq(W, rows, columns, gram, { ...options, deltaGram: new Float64Array(columns * columns) });
    expect(none.codes).toEqual(plain.codes);
    // The dense model's inputs: the same with something added that goes with them.
    const drift = X.map((value, i) => 0.15 * value + 0.1 * X[i - (i % columns) + ((i + 3) % columns)]);
    const deltaGram = new Float64Array(columns * columns);
    addProduct(columns, columns, tokens, transposed(view(drift, columns)), view(X, columns), view(deltaGram, columns));
    const aware = await gptq(W, rows, columns, gram, { ...options, deltaGram, alpha: 1 });
    const wantedInputs = X.map((value, i) => value + drift[i]);
    const error = (found: GroupedValues) => {
      const wanted = new Float64Array(rows * tokens);
      addProduct(
        rows,
        tokens,
        columns,
        view(W, columns),
        transposed(view(wantedInputs, columns)),
        view(wanted, tokens),
      );
      const got = new Float64Array(rows * tokens);
      const values = Float64Array.from(dense(found));
      addProduct(rows, tokens, columns, view(values, columns), transposed(view(X, columns)), view(got, tokens));
      return got.reduce((sum, value, i) => sum + (value - wanted[i]) ** 2, 0);
    };
    expect(error(aware)).toBeLessThan(0.9 * error(plain));
  });

  it('can be cancelled', async () => {
    const { W, rows, columns, gram } = small;
    const signal = AbortSignal.abort();
    await expect(gptq(W, rows, columns, gram, { packing: packing(4) }, { signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});

describe('OWQ', () => {
  it('keeps the most sensitive inputs and spreads errors over them, too', async () => {
    const { W, rows, columns, gram } = small;
    const found = await owq(W, rows, columns, gram, 3 / 40, { packing: packing(3) });
    expect([...found.indices]).toEqual([...expected.owq.kept].sort((a, b) => a - b));
    expectValues(dense(found), expected.owq.values);
  });
});

describe('masks', () => {
  const { W, rows, columns, gram } = small;
  const norms = diagonalOf(gram, columns).map(Math.sqrt);
  const wanda = W.map((value, i) => Math.abs(value) * norms[i % columns]);
  const half = { share: 0.5 };

  it('by magnitude over the matrix', () => {
    expectValues(masked(W, keepHighest(W.map(Math.abs), rows, columns, half, true)), expected.masks.magnitude);
  });

  it('by Wanda over each row', () => {
    expectValues(masked(W, keepHighest(wanda, rows, columns, half, false)), expected.masks.wanda);
  });

  it('4 of every 8', () => {
    const rule = { share: 0.5, pattern: { n: 4, m: 8 } };
    expectValues(masked(W, keepHighest(wanda, rows, columns, rule, false)), expected.masks['4:8']);
  });

  it('with the kept weights by least squares', async () => {
    const mask = keepHighest(wanda, rows, columns, half, false);
    expectValues(await maskedLeastSquares(W, rows, columns, mask, gram), expected.masks.refit);
  });
});

describe('SparseGPT', () => {
  const run = async (
    name: keyof typeof expected.sparsegpt,
    pattern: { n: number; m: number } | undefined,
    from = small,
  ) => {
    const { W, rows, columns, gram } = from;
    const { values, mask } = await sparseGpt(W, rows, columns, gram, { share: 0.5, pattern });
    expectValues(values, expected.sparsegpt[name]);
    values.forEach((value, i) => {
      if (!mask[i]) expect(value).toBe(0);
    });
  };

  it('drops half of each block', () => run('half', undefined));
  it('over more than one block', () => run('long', undefined, long));
  it('drops 2 of every 4', () => run('2:4', { n: 2, m: 4 }));
});

describe('AWQ', () => {
  const { W, X, rows, columns, gram, tokens } = small;
  const magnitude = Float64Array.from({ length: columns }, (_, column) => {
    let sum = 0;
    for (let i = column; i < X.length; i += columns) sum += Math.abs(X[i]);
    return sum / tokens;
  });
  const unscaled = (found: Float32Array, scale: Float64Array) => found.map((value, i) => value / scale[i % columns]);

  it('finds one scale for all matrices of an input', () => {
    const parts = [
      { values: W.slice(0, 4 * columns), rows: 4 },
      { values: W.slice(4 * columns), rows: 2 },
    ];
    const { ratio, scale } = awqScale(parts, columns, magnitude, gram, packing(4));
    expect(ratio).toBeCloseTo(expected.awq.scale.ratio, 12);
    const found = dense(roundToNearest(scaled(W, scale), rows, columns, packing(4)));
    expectValues(unscaled(found, scale), expected.awq.scale.values);
  });

  it('clips each group', () => {
    const { ratio, scale } = awqScale([{ values: W, rows }], columns, magnitude, gram, packing(3));
    expect(ratio).toBeCloseTo(expected.awq.clip.ratio, 12);
    const inner = gram.map((value, i) => value / scale[Math.floor(i / columns)] / scale[i % columns]);
    const found = dense(clippedRounding({ values: scaled(W, scale), rows }, columns, inner, packing(3)));
    expectValues(unscaled(found, scale), expected.awq.clip.values);
  });
});

describe('ridge', () => {
  it('moves weights to the wanted signal', async () => {
    const { W, X, rows, columns, gram, tokens } = small;
    const other = numbers(5, rows * columns);
    const Y = new Float64Array(tokens * rows);
    addProduct(tokens, rows, columns, view(X, columns), transposed(view(other, columns)), view(Y, rows));
    // R = XᵀY − G·Wᵀ, what the weights miss of the target as the inputs see it.
    const missing = new Float64Array(columns * rows);
    addProduct(columns, rows, tokens, transposed(view(X, columns)), view(Y, rows), view(missing, rows));
    const negated = gram.map((value) => -value);
    addProduct(columns, rows, columns, view(negated, columns), transposed(view(W, columns)), view(missing, rows));
    const moved = W.slice();
    await correctWeights(moved, rows, columns, gram, missing, 0.3);
    expectValues(moved, expected.ridge);
  });
});

describe('low rank', () => {
  const tall = (W: Float64Array, rows: number, columns: number, count: number) =>
    Float64Array.from({ length: rows * count }, (_, i) => W[Math.floor(i / count) * columns + (i % count)]);
  const { W, rows, columns, gram } = small;

  it('is the truncated SVD', async () => {
    expectValues(decodeLowRank(await lowRank(W, rows, columns, 2), rows, columns), expected.low_rank.wide);
    const narrow = tall(long.W, 3, 150, 2);
    expectValues(decodeLowRank(await lowRank(narrow, 3, 2, 1), 3, 2), expected.low_rank.tall);
  });

  it('is the best for the outputs when whitened', async () => {
    const found = await lowRank(W, rows, columns, 2, gram);
    expectValues(decodeLowRank(found, rows, columns), expected.low_rank['whitened wide'], 7);
    const narrow = tall(W, rows, columns, 4);
    const inner = Float64Array.from({ length: 16 }, (_, i) => gram[Math.floor(i / 4) * columns + (i % 4)]);
    expectValues(
      decodeLowRank(await lowRank(narrow, rows, 4, 2, inner), rows, 4),
      expected.low_rank['whitened tall'],
      7,
    );
  });

  it('has the rank that its share of the elements allows', () => {
    expect(rankOf(0.8, 64, 64)).toBe(25);
    expect(rankOf(0.5, 64, 192)).toBe(24);
  });
});
