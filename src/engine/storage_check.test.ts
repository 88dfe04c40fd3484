/** What a job writes, and how much room it is refused without. */
import { describe, expect, it } from 'vitest';
import type { EnginePlatform } from './platform.ts';
import { assertStorage, writtenByCalibration, writtenBySlicing } from './storage_check.ts';

const STORAGE = { spill: 1, weights: 20, bases: 300 };

describe('what a job writes', () => {
  it('is all that it will not keep in memory', () => {
    expect(writtenByCalibration(STORAGE)).toBe(301);
    expect(writtenBySlicing(STORAGE, 'sequential')).toBe(21);
    expect(writtenBySlicing(STORAGE, 'rotate-once')).toBe(20);
  });

  it('is refused where it does not fit, to the byte, and not where nobody can tell', async () => {
    const room = (free: number | undefined) => ({ freeStorage: async () => free }) as unknown as EnginePlatform;
    await assertStorage(room(21), 'Slicing', 21);
    await assertStorage(room(undefined), 'Slicing', 21);
    await assertStorage({} as EnginePlatform, 'Slicing', 21);
    await expect(assertStorage(room(20), 'Slicing', 21)).rejects.toMatchObject({ code: 'storage_full' });
  });
});
