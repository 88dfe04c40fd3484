/** What a file may be off by. */
import { describe, expect, it } from 'vitest';
import { assertClose, PERPLEXITY_TOLERANCE, windowTolerance } from './comparison.ts';

describe('one window of several', () => {
  it('alone may be off by what a mean may, of several by more, as errors of windows are', () => {
    expect(windowTolerance(1)).toBe(PERPLEXITY_TOLERANCE);
    expect(windowTolerance(4)).toBeCloseTo(6 * PERPLEXITY_TOLERANCE, 12);
  });

  it('is refused beyond that, with what is allowed', () => {
    const against = 'the app';
    const tolerance = windowTolerance(4);
    expect(() => assertClose({ found: 10.05, expected: 10, against, tolerance })).not.toThrow();
    expect(() => assertClose({ found: 10.05, expected: 10, against })).toThrow();
    try {
      assertClose({ found: 10.07, expected: 10, where: ' for window 3', against, tolerance });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'verification_failed', allowed: 'a relative difference of at most 0.006' });
      expect(String(error)).toContain('10.0700 for window 3, the app 10.0000');
    }
  });
});

it('says of a model that rounds its inputs that nothing is wrong, and what can be exported', () => {
  const off = { found: 10.05, expected: 10, against: 'the app' };
  for (const [isRounded, says] of [
    [true, /both being right\. Export safetensors/],
    [false, /please report this/],
  ] as const) {
    expect(() => assertClose({ ...off, isRounded })).toThrow(
      expect.objectContaining({ code: 'verification_failed', action: expect.stringMatching(says) }),
    );
  }
});
