/** Sizes as people write them, and what is told of those that mean nothing. */
import { describe, expect, it } from 'vitest';
import { readTarget } from './target.ts';

describe('--target-size', () => {
  it.each([
    ['2800000', { bytes: 2_800_000 }],
    ['2.8MB', { bytes: 2_800_000 }],
    [' 2800 kb ', { bytes: 2_800_000 }],
    ['.1GB', { bytes: 100_000_000 }],
    ['35%', { share: 0.35 }],
    ['12.5 %', { share: 0.125 }],
  ])('reads %s', (text, target) => {
    expect(readTarget(text, undefined)).toEqual(target);
  });

  it.each(['', '0', '-1', '2.8TB', '0%', '101%', '35%%', '2.8 MiB', 'half'])('refuses "%s"', (text) => {
    expect(() => readTarget(text, undefined)).toThrow(
      expect.objectContaining({ code: 'bad_option', place: { field: '--target-size' } }),
    );
  });

  it('is not given beside bits for each parameter', () => {
    expect(() => readTarget('35%', '4.5')).toThrow(expect.objectContaining({ code: 'bad_option' }));
    expect(readTarget(undefined, '4.5')).toEqual({ bits_per_weight: 4.5 });
    expect(readTarget(undefined, undefined)).toBeUndefined();
  });
});
