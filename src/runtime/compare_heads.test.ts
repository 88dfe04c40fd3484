/** Divergences from the sums of a few numbers a token, against the definition in f64 on the same f32 logits. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../backend/backend.ts';
import { backendsUnderTest, randomIds, randomValues } from '../backend/testing.ts';
import { tokenDivergence } from './divergence.ts';

const [rows, size, block] = [64, 1000, 300];

/** KL(dense ‖ own) of each row, with the sums of f64 in every place. */
function definition(dense: Float32Array, own: Float32Array): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => {
    const logSoftmax = (logits: Float32Array) => {
      const part = Float64Array.from(logits.subarray(row * size, (row + 1) * size));
      const maximum = Math.max(...part);
      const log = maximum + Math.log(part.reduce((sum, x) => sum + Math.exp(x - maximum), 0));
      return part.map((x) => x - log);
    };
    const [p, q] = [logSoftmax(dense), logSoftmax(own)];
    return p.reduce((sum, x, i) => sum + Math.exp(x) * (x - q[i]), 0);
  });
}

async function divergences(b: Backend, dense: Float32Array, own: Float32Array, targets: Uint32Array) {
  const target_ids = b.fromIds(targets, 'target_ids');
  const [dense_state, own_state] = [0, 1].map(() => b.empty([rows, 4], 'cross_entropy_state'));
  const state = b.empty([rows, 8], 'compared_state');
  for (let first_column = 0; first_column < size; first_column += block) {
    const n = Math.min(block, size - first_column);
    const part = (logits: Float32Array) =>
      b.fromArray(
        Float32Array.from({ length: rows * n }, (_, i) => logits[Math.floor(i / n) * size + first_column + (i % n)]),
        [rows, n],
        'logits',
      );
    const args = { dense: part(dense), own: part(own) };
    b.cross_entropy({ logits: args.dense, target_ids, first_column, state: dense_state });
    b.cross_entropy({ logits: args.own, target_ids, first_column, state: own_state });
    b.compare_logits({ ...args, dense_state, own_state, first_column, state });
  }
  const states = { dense: await b.read(dense_state), own: await b.read(own_state), compared: await b.read(state) };
  return Array.from({ length: rows }, (_, row) => tokenDivergence(states, row));
}

describe.each(await backendsUnderTest())('on $kind', ({ create }) => {
  const opened = create();
  afterAll(async () => (await opened).dispose());
  const targets = randomIds(rows, size, 9);
  const dense = randomValues(rows * size, 1).map((x, i) => 6 * x + (i % size === 17 * (i % 31) ? 9 : 0));
  const noise = randomValues(rows * size, 2);

  // A shift by a constant changes no probability; f32 rounds the logits differently behind it, which the definition sees too.
  it.each([
    [1e-4, 0],
    [1e-3, 0],
    [1e-3, 3],
    [1e-2, 0],
    [0.3, -2],
    [4, 0],
    [60, 0],
  ])('heads whose logits differ by ±%d and %d', async (apart, offset) => {
    const own = dense.map((x, i) => x + apart * noise[i] + offset);
    const found = await divergences(await opened, dense, own, targets);
    const expected = definition(dense, own);
    for (const [row, { kl }] of found.entries()) {
      expect(Math.abs(kl - expected[row])).toBeLessThan(1e-4 * expected[row] + 1e-11);
    }
  });

  it('the same head twice: none at all', async () => {
    const found = await divergences(await opened, dense, dense, targets);
    expect(found.every(({ kl, agrees, probability_change }) => kl === 0 && agrees && probability_change === 0)).toBe(
      true,
    );
  });

  it('the most likely token and the right token’s probability', async () => {
    const own = dense.map((x, i) => x + 2 * noise[i]);
    const found = await divergences(await opened, dense, own, targets);
    for (const [row, { agrees, loss, probability_change }] of found.entries()) {
      const [p, q] = [dense, own].map((logits) => {
        const part = Float64Array.from(logits.subarray(row * size, (row + 1) * size));
        const sum = part.reduce((total, x) => total + Math.exp(x), 0);
        return { best: part.indexOf(Math.max(...part)), right: Math.exp(part[targets[row]]) / sum };
      });
      expect(agrees).toBe(p.best === q.best);
      expect(Math.abs(loss + Math.log(q.right))).toBeLessThan(1e-5);
      expect(Math.abs(probability_change - (q.right - p.right))).toBeLessThan(1e-6);
    }
  });
});
