import { expect, it, vi } from 'vitest';
import { part } from './part.ts';

const FAILED = [
  'Failed to fetch dynamically imported module: https://example.org/assets/open_command-1.js',
  'error loading dynamically imported module: https://example.org/assets/open_command-1.js',
  'Importing a module script failed.',
];

it('gives the part, and asks once more where its fetch failed', async () => {
  await expect(part(async () => 1)).resolves.toBe(1);
  const load = vi.fn().mockRejectedValueOnce(new TypeError(FAILED[0])).mockResolvedValue(2);
  await expect(part(load, 0)).resolves.toBe(2);
  expect(load).toHaveBeenCalledTimes(2);
});

it.each(FAILED)('says that the site is not reached: %s', async (message) => {
  const failure = part(() => Promise.reject(new TypeError(message)), 0);
  await expect(failure).rejects.toMatchObject({ code: 'site_unreachable', action: expect.stringContaining('reload') });
});

it('passes on what a module itself throws', async () => {
  const load = vi.fn().mockRejectedValue(new TypeError('x is not a function'));
  await expect(part(load, 0)).rejects.toThrow('x is not a function');
  expect(load).toHaveBeenCalledTimes(1);
});
