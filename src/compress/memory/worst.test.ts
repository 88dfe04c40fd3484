import { expect, it } from 'vitest';
import type { JobMemory } from '../slicegpt/estimate.ts';
import { worstOf } from './worst.ts';

const job = (device_bytes: number, [layer, readback, spill, weights, bases]: number[]) =>
  ({
    device_bytes,
    breakdown: { weights: device_bytes },
    host: { stored_layer: layer, readback },
    storage: { spill, weights, bases },
  }) as unknown as JobMemory;

it('the worst of several jobs has the most of each kind, and the breakdown of the one that needs most of the device', () => {
  const parts = [job(5, [1, 9, 1, 2, 9]), job(8, [4, 1, 2, 1, 1]), job(7, [2, 2, 3, 7, 1])];
  expect(worstOf(parts)).toMatchObject(job(8, [4, 9, 3, 7, 9]));
  expect(worstOf(parts.toReversed())).toEqual(worstOf(parts));
});
