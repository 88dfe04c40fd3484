import { expect, it } from 'vitest';
import { MODEL, PROTOCOL } from '../testing.ts';
import { NO_RESULTS } from './results.ts';
import { isShortIn, shortageIn } from './selectors.ts';
import { createStudioStore } from './store.ts';

it('cannot tell what is cut with fewer tokens than directions are kept', () => {
  const { settings } = createStudioStore().getState();
  const shortWith = (samples: number, sparsity_percent = 25) =>
    isShortIn({
      results: { ...NO_RESULTS, model: MODEL, protocol: { ...PROTOCOL, samples, seqlen: 64 } },
      settings: { ...settings, sparsity_percent },
    });
  // 192 of 256 directions.
  expect(shortWith(3)).toBe(false);
  expect(shortWith(2)).toBe(true);
  expect(shortWith(2, 50)).toBe(false);
  expect(isShortIn({ results: { ...NO_RESULTS, model: MODEL }, settings })).toBe(false);
});

it('counts the windows that were measured with, not those chosen since', () => {
  const { settings } = createStudioStore().getState();
  const told = (measured: number, chosen: number) =>
    shortageIn({
      results: { ...NO_RESULTS, model: MODEL, protocol: { ...PROTOCOL, samples: measured, seqlen: 64 } },
      settings: { ...settings, texts: { ...settings.texts, samples: chosen, seqlen: 64 } },
    });
  expect(told(2, 64)).toContain('128 tokens');
  expect(told(3, 1)).toBeUndefined();
});
