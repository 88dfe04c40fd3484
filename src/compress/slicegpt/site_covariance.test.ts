/** Covariance of a site: summed once more where its digits were lost, refused where it is no number; and that of a table in blocks. */
import { afterAll, describe, expect, it } from 'vitest';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import type { Backend } from '../../backend/backend.ts';
import { createCpuBackend } from '../../backend/cpu/cpu_backend.ts';
import { randomValues } from '../../backend/testing.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { DeflatedGram, Gram } from '../../statistics/gram.ts';
import { knownCovariance, needsAnotherSum, type StatesSum, siteCovariance, statesSum } from './site_covariance.ts';
import { EMBEDDING_SITE, outputSite } from './sites.ts';
import { tableGram } from './table_gram.ts';

const [N, ROWS] = [16, 64];
/** Computes in f64, and is treated as a device that sums in f32. */
const device: Backend = createCpuBackend();
Object.assign(device, { info: { ...device.info, kind: 'webgpu' } });
const exact = createCpuBackend();
afterAll(() => {
  device.dispose();
  exact.dispose();
});

/** Noise, and one direction over all channels that is so many times as large. */
function states(large: number): Float64Array {
  const noise = randomValues(ROWS * N, 7);
  const heads = randomValues(ROWS, 8);
  return Float64Array.from(noise, (value, i) => value + large * heads[Math.floor(i / N)]);
}

const gramOf = (X: ArrayLike<number>, n: number) =>
  Float64Array.from({ length: n * n }, (_, at) => {
    let sum = 0;
    for (let row = 0; row < X.length; row += n) sum += X[row + Math.floor(at / n)] * X[row + (at % n)];
    return sum;
  });

function expectClose(found: Float64Array, wanted: Float64Array) {
  const largest = Math.max(...wanted.map(Math.abs));
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of found.entries()) expect(Math.abs(value - wanted[i]), `${i}`).toBeLessThan(1e-9 * largest);
}

async function covariance(backend: Backend, X: Float64Array, hasAgain: boolean) {
  return withArena(backend, async (arena) => {
    const add = (sum: StatesSum) => {
      const tensor = arena.own(backend.fromArray(X, [ROWS, N], 'states'));
      sum.add(tensor);
      arena.free(tensor);
    };
    const sum = statesSum(arena, N, undefined);
    expect(sum).toBeInstanceOf(Gram);
    add(sum);
    const sums: DeflatedGram[] = [];
    const again = async (other: DeflatedGram) => {
      sums.push(other);
      add(other);
    };
    const found = await siteCovariance(arena, sum, EMBEDDING_SITE, hasAgain ? again : undefined);
    return { found, again: sums.length };
  });
}

describe('the covariance of a site', () => {
  it.each<[string, number, boolean, number]>([
    ['alike channels', 0, true, 0],
    ['a large direction', 3000, true, 1],
    ['a large direction and no second sum', 3000, false, 0],
  ])('with %s', async (_, large, hasAgain, times) => {
    const X = states(large);
    const { found, again } = await covariance(device, X, hasAgain);
    expect(again).toBe(times);
    expectClose(found.H, gramOf(X, N));
    expect(found.dominant.count).toBe(large > 0 ? 1 : 0);
    // The next site's states are summed without what was found here.
    expect(found.carried === undefined).toBe(large === 0);
    expect(needsAnotherSum(found)).toBe(large > 0 && !hasAgain);
    if (times > 0) expect(found.lost).toBeLessThan(10);
    await withArena(device, async (arena) => {
      expect(statesSum(arena, N, found.carried)).toBeInstanceOf(large > 0 ? DeflatedGram : Gram);
    });
  });

  it('has nothing taken out where it is summed in f64', async () => {
    const { found, again } = await covariance(exact, states(3000), true);
    expect([again, found.lost, found.dominant.count, found.carried]).toEqual([0, 1, 0, undefined]);
    await withArena(exact, async (arena) => {
      expect((await knownCovariance(arena, found.H, N, 1)).dominant.count).toBe(0);
    });
    await withArena(device, async (arena) => {
      expect(await knownCovariance(arena, found.H, N, 5)).toMatchObject({ size: N, lost: 5, dominant: { count: 1 } });
    });
  });

  it.each([0, 5, N - 1])('is refused where channel %d is no number, whatever the others are', async (channel) => {
    const X = states(0);
    X[3 * N + channel] = Number.NaN;
    await withArena(exact, async (arena) => {
      const sum = new Gram(arena, N);
      sum.add(arena.own(exact.fromArray(X, [ROWS, N], 'states')));
      await expect(siteCovariance(arena, sum, outputSite(3, false))).rejects.toMatchObject({
        code: 'non_finite_activations',
        message: expect.stringMatching(new RegExp(`layer 3 output .* in channel ${channel}\\.`)),
        place: { layer: 3 },
      });
    });
  });
});

it.each([1, 7, 61, 1000])('of a table, %d rows at a time', async (rows) => {
  const { embed_tokens } = tinyDecoder();
  const [, D] = embed_tokens.weight.shape;
  const backend = createCpuBackend();
  Object.assign(backend, { info: { ...backend.info, maxTensorBytes: 4 * D * rows } });
  const before = backend.memory.currentBytes;
  const { values } = embed_tokens.weight as unknown as { values: Float64Array };
  await withArena(backend, async (arena: Arena) => {
    expectClose(await tableGram(arena, embed_tokens), gramOf(values, D));
    expect(backend.memory.currentBytes).toBe(before);
  });
  backend.dispose();
});
