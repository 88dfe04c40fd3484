import { describe, expect, it } from 'vitest';
import { llama3Divisors } from '../../../test/fixtures/gguf_model.ts';
import { GgufMetadata } from './metadata.ts';
import { ropeScaling } from './rope.ts';
import type { Value } from './values.ts';

const key = (name: string) => `llama.${name}`;
const scaling = (
  freqs: readonly number[] | undefined,
  sizes: { theta: number; dim: number },
  values: [string, Value][] = [],
) => ropeScaling(new GgufMetadata('m.gguf', new Map(values)), key, { freqs }, { ...sizes, context_length: 1000 });

describe('ropeScaling', () => {
  it.each([
    [
      'Llama 3.1',
      { theta: 500_000, dim: 128 },
      { factor: 8, high_freq_factor: 4, original_max_position_embeddings: 8192 },
    ],
    [
      'Llama 3.2',
      { theta: 500_000, dim: 64 },
      { factor: 32, high_freq_factor: 4, original_max_position_embeddings: 8192 },
    ],
  ])('finds the parameters of %s from its divisors', (_, sizes, parameters) => {
    const expected = { low_freq_factor: 1, ...parameters };
    const found = scaling([...llama3Divisors(expected, sizes.theta, sizes.dim)], sizes);
    expect(found).toEqual({ type: 'llama3', rope_type: 'llama3', ...expected });
  });

  it('gives parameters that compute the same divisors where low is not 1', () => {
    const sizes = { theta: 10_000, dim: 64 };
    const divisors = llama3Divisors(
      { factor: 4, low_freq_factor: 2, high_freq_factor: 8, original_max_position_embeddings: 4096 },
      10_000,
      64,
    );
    const found = scaling([...divisors], sizes) as Parameters<typeof llama3Divisors>[0];
    expect(found.rope_type).toBe('llama3');
    const again = llama3Divisors(found, 10_000, 64);
    for (const [i, divisor] of again.entries()) expect(Math.abs(divisor / divisors[i] - 1)).toBeLessThan(1e-5);
  });

  it('keeps divisors that no parameters explain', () => {
    const divisors = [1, 1.5, 1.2, 3];
    expect(scaling(divisors, { theta: 10_000, dim: 8 })).toMatchObject({
      rope_type: 'longrope',
      short_factor: divisors,
      long_factor: divisors,
      attention_factor: 1,
    });
    expect(scaling([1, 1, 1, 1], { theta: 10_000, dim: 8 })).toBeUndefined();
  });

  it('reads linear scaling and YaRN, and refuses what it does not know', () => {
    const sizes = { theta: 10_000, dim: 8 };
    const text = (value: string): Value => ({ type: 'string', value });
    const number = (value: number): Value => ({ type: 'float32', value });
    const values = (type: string, factor = 4): [string, Value][] => [
      [key('rope.scaling.type'), text(type)],
      [key('rope.scaling.factor'), number(factor)],
    ];
    expect(scaling(undefined, sizes)).toBeUndefined();
    expect(scaling(undefined, sizes, values('none'))).toBeUndefined();
    expect(scaling(undefined, sizes, values('linear', 0))).toBeUndefined();
    expect(scaling(undefined, sizes, values('linear'))).toMatchObject({ rope_type: 'linear', factor: 4 });
    expect(scaling(undefined, sizes, values('yarn'))).toMatchObject({
      rope_type: 'yarn',
      factor: 4,
      original_max_position_embeddings: 250,
    });
    expect(() => scaling(undefined, sizes, values('spiral'))).toThrow('scaled by "spiral"');
    expect(() =>
      scaling(undefined, sizes, [...values('yarn'), [key('rope.scaling.yarn_log_multiplier'), number(0.1)]]),
    ).toThrow('yarn_log_multiplier');
  });
});
