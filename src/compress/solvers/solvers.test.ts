/** Every solver against the torch oracle's values on fixed matrices (`tools/solvers/make_fixtures.py`). */
import { describe, expect, it } from 'vitest';
import expected from '../../../test/fixtures/solvers.json';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import { corrections } from '../layerwise/correction.ts';
import { awqScale, clippedRounding, scaled } from './awq.ts';
import { type GptqOptions, gptq } from './gptq.ts';
import { decodeGrouped, type Grid, type GroupedCodes } from './grid.ts';
import { diagonalOf } from './hessian.ts';
import { decodeLowRank, lowRank, rankOf } from './low_rank.ts';
import { maskedLeastSquares } from './masked_least_squares.ts';
import { lowestScores, magnitudeScores, type Pattern, wandaScores, withoutDropped } from './masks.ts';
import { decodeOwq, owq } from './owq.ts';
import { int8Rows, roundToNearest } from './rtn.ts';
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

/** Of each input. */
function meanMagnitude({ X, columns, tokens }: ReturnType<typeof makeCase>): Float64Array {
  return Float64Array.from({ length: columns }, (_, column) => {
    let sum = 0;
    for (let i = column; i < X.length; i += columns) sum += Math.abs(X[i]);
    return sum / tokens;
  });
}

const small = makeCase(7, 6, 40, 90);
const long = makeCase(11, 3, 150, 260);
const INT4: Grid = { bits: 4, kind: 'integer' };

function expectValues(found: Float64Array, wanted: number[][], digits = 9): void {
  const flat = wanted.flat();
  expect(found.length).toBe(flat.length);
  let worst = 0;
  found.forEach((value, i) => {
    worst = Math.max(worst, Math.abs(value - flat[i]));
  });
  expect(worst).toBeLessThan(10 ** -digits);
}

describe('round to nearest', () => {
  it.each([2, 3, 4, 8])('in %i bits', (bits) => {
    const { W, rows, columns } = small;
    const grid: Grid = { bits, kind: 'integer' };
    for (const group of [16, 32, 0] as const) {
      const key = `${bits},${group}` as keyof typeof expected.rtn;
      const found = roundToNearest(W, rows, columns, group || columns, grid);
      expect(found.scales.length).toBe(rows * Math.ceil(columns / (group || columns)));
      expectValues(decodeGrouped(found), expected.rtn[key]);
    }
  });

  it('with a float16 minimum', () => {
    const { W, rows, columns } = small;
    expectValues(
      decodeGrouped(roundToNearest(W, rows, columns, 16, { bits: 4, kind: 'minimum' })),
      expected.rtn.minimum,
      // The oracle divides by the scale before it adds the minimum.
      6,
    );
  });

  it('of rows in eight bits is off by half a step at most', () => {
    const { W, rows, columns } = small;
    const { codes, scales } = int8Rows(W, rows, columns);
    codes.forEach((code, i) => {
      const scale = scales[Math.floor(i / columns)];
      expect(Math.abs(code * scale - W[i])).toBeLessThanOrEqual(scale * 0.5001);
      expect(Math.abs(code)).toBeLessThanOrEqual(127);
    });
  });
});

describe('GPTQ', () => {
  const run = async (
    name: keyof typeof expected.gptq,
    options: Partial<GptqOptions>,
    digits?: number,
    from = small,
  ) => {
    const { W, rows, columns, gram } = from;
    const found = await gptq(W, rows, columns, gram, { grid: INT4, group: 16, ...options });
    expectValues(inNaturalOrder(found), expected.gptq[name], digits);
  };
  const inNaturalOrder = (found: GroupedCodes & { order?: Uint32Array }) => {
    const values = decodeGrouped(found);
    const { order, columns } = found;
    if (!order) return values;
    const natural = new Float64Array(values.length);
    values.forEach((value, i) => {
      natural[i - (i % columns) + order[i % columns]] = value;
    });
    return natural;
  };

  it('from left to right', () => run('natural', {}));
  it('by falling diagonal, static groups', () => run('static', { order: 'static' }));
  it('by falling diagonal, dynamic groups', () => run('dynamic', { order: 'dynamic' }));
  it('with grids as the official code finds them', () => run('lazy', { params: 'lazy' }));
  it('with one grid a row', () => run('row', { group: 40 }));
  it('in three bits', () => run('three', { grid: { bits: 3, kind: 'integer' } }));
  it('in two bits', () => run('two', { grid: { bits: 2, kind: 'integer' } }));
  it('with a float16 minimum', () => run('minimum', { grid: { bits: 4, kind: 'minimum' } }, 6));
  it('over more than one block of columns', () => run('long', { group: 32 }, 9, long));
  it('over more than one block, official grids', () => run('long lazy', { group: 32, params: 'lazy' }, 9, long));

  it('is GPTAQ where inputs have drifted: no drift changes nothing, a drift loses less of the dense output', async () => {
    const { W, rows, columns, gram, X, tokens } = small;
    const options: GptqOptions = { grid: { bits: 3, kind: 'integer' }, group: 16 };
    const plain = await gptq(W, rows, columns, gram, options);
    const none = await gptq(W, rows, columns, gram, { ...options, deltaGram: new Float64Array(columns * columns) });
    expect(none.codes).toEqual(plain.codes);
    // The dense model's inputs: the same with something added that goes with them.
    const drift = X.map((value, i) => 0.15 * value + 0.1 * X[i - (i % columns) + ((i + 3) % columns)]);
    const deltaGram = new Float64Array(columns * columns);
    addProduct(columns, columns, tokens, transposed(view(drift, columns)), view(X, columns), view(deltaGram, columns));
    const aware = await gptq(W, rows, columns, gram, { ...options, deltaGram, alpha: 1 });
    const dense = X.map((value, i) => value + drift[i]);
    const error = (found: GroupedCodes) => {
      const wanted = new Float64Array(rows * tokens);
      addProduct(rows, tokens, columns, view(W, columns), transposed(view(dense, columns)), view(wanted, tokens));
      const got = new Float64Array(rows * tokens);
      const values = decodeGrouped(found);
      addProduct(rows, tokens, columns, view(values, columns), transposed(view(X, columns)), view(got, tokens));
      return got.reduce((sum, value, i) => sum + (value - wanted[i]) ** 2, 0);
    };
    expect(error(aware)).toBeLessThan(0.9 * error(plain));
  });

  it('can be cancelled', async () => {
    const { W, rows, columns, gram } = small;
    const signal = AbortSignal.abort();
    await expect(gptq(W, rows, columns, gram, { grid: INT4, group: 16 }, { signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});

describe('OWQ', () => {
  it('keeps the most sensitive inputs and spreads errors over them, too', async () => {
    const { W, rows, columns, gram } = small;
    const found = await owq(W, rows, columns, gram, 3 / 40, { grid: { bits: 3, kind: 'integer' }, group: 16 });
    expect([...found.keptInputs]).toEqual(expected.owq.kept);
    expectValues(decodeOwq(found), expected.owq.values);
  });
});

describe('masks', () => {
  const { W, rows, columns, gram } = small;
  const wanda = wandaScores(W, columns, diagonalOf(gram, columns));

  it('by magnitude over the matrix', () => {
    const dropped = lowestScores(magnitudeScores(W), rows, columns, 0.5, 'matrix');
    expectValues(withoutDropped(W, dropped), expected.masks.magnitude);
  });

  it('by Wanda over each row', () => {
    expectValues(withoutDropped(W, lowestScores(wanda, rows, columns, 0.5, 'row')), expected.masks.wanda);
  });

  it('4 of every 8', () => {
    const pattern: Pattern = { n: 4, m: 8 };
    expectValues(withoutDropped(W, lowestScores(wanda, rows, columns, 0, pattern)), expected.masks['4:8']);
  });

  it('with the kept weights by least squares', async () => {
    const dropped = lowestScores(wanda, rows, columns, 0.5, 'row');
    expectValues(await maskedLeastSquares(W, rows, columns, dropped, gram), expected.masks.refit);
  });
});

describe('SparseGPT', () => {
  it('drops half of each block', async () => {
    const { W, rows, columns, gram } = small;
    expectValues((await sparseGpt(W, rows, columns, gram, { share: 0.5 })).values, expected.sparsegpt.half);
  });

  it('over more than one block', async () => {
    const { W, rows, columns, gram } = long;
    expectValues((await sparseGpt(W, rows, columns, gram, { share: 0.5 })).values, expected.sparsegpt.long);
  });

  it('drops 2 of every 4', async () => {
    const { W, rows, columns, gram } = small;
    const { values } = await sparseGpt(W, rows, columns, gram, { share: 0.5, pattern: { n: 2, m: 4 } });
    expectValues(values, expected.sparsegpt['2:4']);
  });
});

describe('AWQ', () => {
  const { W, rows, columns, gram } = small;
  const magnitude = meanMagnitude(small);
  const unscaled = (found: Float64Array, scale: Float64Array) =>
    found.map((value, i) => value / scale[i % scale.length]);
  const clipped = (V: Float64Array, count: number, scale: Float64Array, G: Float64Array, group: number, grid: Grid) => {
    const n = scale.length;
    const inner = G.map((value, i) => value / scale[Math.floor(i / n)] / scale[i % n]);
    const found = clippedRounding({ values: scaled(V, scale), rows: count }, n, inner, group, grid);
    return unscaled(decodeGrouped(found), scale);
  };

  it('finds one scale for all matrices of an input', async () => {
    const parts = [
      { values: W.slice(0, 4 * columns), rows: 4 },
      { values: W.slice(4 * columns), rows: 2 },
    ];
    const { ratio, scale } = await awqScale(parts, columns, magnitude, gram, 16, INT4);
    expect(ratio).toBeCloseTo(expected.awq.scale.ratio, 12);
    const found = decodeGrouped(roundToNearest(scaled(W, scale), rows, columns, 16, INT4));
    expectValues(unscaled(found, scale), expected.awq.scale.values);
  });

  it('clips each group', async () => {
    const grid: Grid = { bits: 3, kind: 'integer' };
    const { ratio, scale } = await awqScale([{ values: W, rows }], columns, magnitude, gram, 16, grid);
    expect(ratio).toBeCloseTo(expected.awq.clip.ratio, 12);
    expectValues(clipped(W, rows, scale, gram, 16, grid), expected.awq.clip.values);
  });

  it('moves what lies outside a clipped range to its edge before it is rounded', () => {
    const edge = makeCase(251, 48, 64, 150);
    const ones = new Float64Array(edge.columns).fill(1);
    expectValues(clipped(edge.W, edge.rows, ones, edge.gram, 32, INT4), expected.awq['clip edge']);
  });
});

describe('ridge', () => {
  it('moves weights to the wanted signal', async () => {
    const { W, X, rows, columns, gram, tokens } = small;
    const other = numbers(5, rows * columns);
    const Y = new Float64Array(tokens * rows);
    addProduct(tokens, rows, columns, view(X, columns), transposed(view(other, columns)), view(Y, rows));
    const target = new Float64Array(columns * rows);
    addProduct(columns, rows, tokens, transposed(view(X, columns)), view(Y, rows), view(target, rows));
    // What the weights miss of it, as the inputs see it: XᵀY − G·Wᵀ.
    const negated = gram.map((value) => -value);
    addProduct(columns, rows, columns, view(negated, columns), transposed(view(W, columns)), view(target, rows));
    const moved = await corrections(gram, columns, [target], 0.3, {});
    const found = W.map((value, i) => value + (moved?.[0][(i % columns) * rows + Math.floor(i / columns)] ?? 0));
    expectValues(found, expected.ridge);
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
