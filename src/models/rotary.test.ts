import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RawConfig } from '../formats/hf/config.ts';
import { type RotaryOptions, readRotary } from './rotary.ts';

interface Case {
  name: string;
  config: RawConfig;
  inv_freq: number[];
  attention_factor: number;
  /** Of sequences beyond original_max_position_embeddings. */
  long?: number[];
}

const GOLDEN: Case[] = JSON.parse(readFileSync(new URL('../../test/fixtures/rotary.json', import.meta.url), 'utf8'));
const HEADS: RotaryOptions = { head_dim: 16, max_position_embeddings: 131_072 };

/** Largest |found/expected − 1|; infinite where the lengths differ. */
function worstRatio(found: readonly number[], expected: readonly number[]): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(...found.map((value, i) => Math.abs(value / expected[i] - 1)));
}

describe('readRotary', () => {
  it.each(GOLDEN)('computes the frequencies of transformers: $name', ({ config, inv_freq, attention_factor, long }) => {
    const partial = 'partial_rotary_factor' in config || JSON.stringify(config).includes('partial') ? 1 : undefined;
    const rotary = readRotary(config, 'config.json', { ...HEADS, partial });
    expect(rotary.dim).toBe(2 * inv_freq.length);
    expect(worstRatio(rotary.inv_freq, inv_freq)).toBeLessThan(1e-12);
    expect(rotary.attention_factor).toBeCloseTo(attention_factor, 12);
    expect(rotary.long === undefined).toBe(long === undefined);
    if (!long) return;
    expect(worstRatio(rotary.long!.inv_freq, long)).toBeLessThan(1e-12);
    expect(rotary.long!.beyond).toBe(4096);
    expect(rotary.long!.attention_factor).toBeCloseTo(attention_factor, 12);
  });

  it('takes base, part and pairing from the family where the config has its own names for them', () => {
    const rotary = readRotary({}, 'config.json', { ...HEADS, theta: 100, dim: 4, interleaved: true });
    expect(rotary).toEqual({ dim: 4, inv_freq: [1, 0.1], attention_factor: 1, interleaved: true });
  });

  it.each(['su', 'yarn'])('reads LongRoPE under its old name %s', (type) => {
    const { config } = GOLDEN.find(({ name }) => name === 'longrope')!;
    const renamed = { ...config, rope_scaling: { ...(config.rope_scaling as RawConfig), type } };
    expect(readRotary(renamed, 'config.json', HEADS)).toEqual(readRotary(config, 'config.json', HEADS));
  });

  it('refuses a part of each head where the family has none', () => {
    const read = () => readRotary({ partial_rotary_factor: 0.5 }, 'config.json', HEADS);
    expect(read).toThrow(/part of each head/);
  });

  it.each([
    [{ partial_rotary_factor: 0.3 }, /turns 4 of/, false],
    [{ partial_rotary_factor: 0.2 }, /turns 3 of the 16/, true],
    [{ partial_rotary_factor: 2 }, /turns 32 of the 16/, true],
    [{ partial_rotary_factor: 0.05 }, /turns 0 of the 16/, true],
  ])('checks how much turns: %j', (config, message, throws) => {
    const read = () => readRotary(config, 'config.json', { ...HEADS, partial: 1 });
    if (throws) expect(read).toThrow(message);
    else expect(read().dim).toBe(4);
  });
});
