/** @file The kernels made of functions of one element: glu, activation, soft_cap, clip. Their errors are those of WGSL's exp. */
import { afterAll, describe, expect, it } from 'vitest';
import type { ActivationName } from '../../backend.ts';
import { openTwins, randomValues } from '../../testing.ts';

const twins = await openTwins();
afterAll(() => twins?.webgpu.dispose());

const NAMES: readonly ActivationName[] = ['silu', 'relu', 'gelu', 'gelu_tanh', 'relu2'];
const SHAPES = [
  [1, 1],
  [7, 13],
  [70, 67], // more than one workgroup
] as const;

/** Where the functions bend, where they have all but ended, and where squares and cubes leave f32. */
const SIZES = [1, 12, 1e30];
/** A squared ReLU leaves f32 itself there. */
const sizesOf = (name: ActivationName) => (name === 'relu2' ? [1, 12, 1e15] : SIZES);

function spread(count: number, seed: number, size: number): Float32Array {
  return randomValues(count, seed).map((x) => size * x);
}

/** Largest |found − expected| / max(1, |expected|); infinite where a value is not finite. */
function scaledError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(found[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    if (!(error <= most)) most = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return most;
}

describe.skipIf(!twins)('functions against their f64 twins', () => {
  describe.each(NAMES)('%s', (activation) => {
    it.each(SHAPES)('activation (%i, %i)', async (rows, d) => {
      for (const size of sizesOf(activation)) {
        const [found, expected] = await twins!.run((backend) => {
          const hidden_states = backend.fromArray(spread(rows * d, 1, size), [rows, d], 'hidden_states');
          const output = backend.empty([rows, d], 'output');
          backend.activation({ activation, hidden_states, output });
          return output;
        });
        expect([...twins!.kernels]).toEqual(['activation']);
        expect(found.length).toBe(rows * d);
        expect(scaledError(found, expected)).toBeLessThan(5e-7);
      }
    });

    it.each(SHAPES)('glu (%i, %i)', async (rows, d) => {
      for (const size of sizesOf(activation)) {
        const [found, expected] = await twins!.run((backend) => {
          const gate = backend.fromArray(spread(rows * d, 2, size), [rows, d], 'gate');
          const up = backend.fromArray(randomValues(rows * d, 3), [rows, d], 'up');
          const output = backend.empty([rows, d], 'output');
          backend.glu({ activation, gate, up, output });
          return output;
        });
        expect([...twins!.kernels]).toEqual(['glu']);
        expect(found.length).toBe(rows * d);
        expect(scaledError(found, expected)).toBeLessThan(1e-6);
      }
    });
  });

  it('keeps the tails of gelu to a relative 5e-6, where 1 + erf would cancel', async () => {
    const points = [-5, -4, -3, -2, -1];
    // x·Φ(x) as scipy.special.ndtr gives Φ.
    const exact = [-1.4332578586e-6, -1.2668496733e-4, -4.0496940949e-3, -4.5500263896e-2, -1.5865525393e-1];
    const backend = twins!.webgpu;
    const hidden_states = backend.fromArray(points, [1, points.length], 'hidden_states');
    const output = backend.empty([1, points.length], 'output');
    backend.activation({ activation: 'gelu', hidden_states, output });
    const found = await backend.read(output);
    for (const [i, value] of exact.entries()) expect(Math.abs(found[i] / value - 1)).toBeLessThan(5e-6);
    hidden_states.dispose();
    output.dispose();
  });

  it.each(NAMES)('%s keeps a NaN, so that it is counted', async (activation) => {
    const backend = twins!.webgpu;
    const hidden_states = backend.fromArray([Number.NaN, 1], [1, 2], 'hidden_states');
    const output = backend.empty([1, 2], 'output');
    const counts = backend.emptyIds(1, 'counts');
    backend.activation({ activation, hidden_states, output });
    backend.count_non_finite({ tensor: output, counts, index: 0 });
    expect([...(await backend.read(counts))]).toEqual([1]);
    for (const tensor of [hidden_states, output, counts]) tensor.dispose();
  });

  it.each(SHAPES)('clip (%i, %i)', async (rows, d) => {
    const [found, expected] = await twins!.run((backend) => {
      const hidden_states = backend.fromArray(spread(rows * d, 6, 3), [rows, d], 'hidden_states');
      backend.clip({ hidden_states, limit: 1.25 });
      return hidden_states;
    });
    expect([...twins!.kernels]).toEqual(['clip']);
    expect(Array.from(found)).toEqual(Array.from(expected));
    if (rows > 1) expect(Array.from(found).filter((x) => Math.abs(x) === 1.25).length).toBeGreaterThan(rows);
  });

  it('clip keeps a NaN, so that it is counted', async () => {
    const backend = twins!.webgpu;
    const hidden_states = backend.fromArray([Number.NaN, 1, -9], [1, 3], 'hidden_states');
    const counts = backend.emptyIds(1, 'counts');
    backend.clip({ hidden_states, limit: 8 });
    backend.count_non_finite({ tensor: hidden_states, counts, index: 0 });
    expect([...(await backend.read(counts))]).toEqual([1]);
    expect((await backend.read(hidden_states))[2]).toBe(-8);
    for (const tensor of [hidden_states, counts]) tensor.dispose();
  });

  it.each(SHAPES)('soft_cap (%i, %i)', async (rows, d) => {
    for (const size of [1e-3, 20, 300, 1e30]) {
      const [found, expected] = await twins!.run((backend) => {
        const hidden_states = backend.fromArray(spread(rows * d, 4, size), [rows, d], 'hidden_states');
        backend.soft_cap({ hidden_states, cap: 30 });
        return hidden_states;
      });
      expect([...twins!.kernels]).toEqual(['soft_cap']);
      // Small values keep their relative precision.
      const errors = Array.from(expected, (value, i) => (value === 0 ? 0 : Math.abs(found[i] / value - 1)));
      expect(errors.length).toBe(rows * d);
      expect(Math.max(...errors)).toBeLessThan(5e-7);
    }
  });
});
