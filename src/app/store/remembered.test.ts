import { expect, it, vi } from 'vitest';
import { MODEL } from '../testing.ts';
import { planOf } from './plan.ts';
import { remembered } from './remembered.ts';

it('answers the same arguments with the same object, others with their own', () => {
  const find = vi.fn((a: number, b: object) => ({ a, b }));
  const found = remembered(find);
  const b = {};
  const first = found(1, b);
  expect(found(1, b)).toBe(first);
  expect(find).toHaveBeenCalledTimes(1);
  expect(found(2, b)).toEqual({ a: 2, b });
  expect(found(2, {})).not.toBe(found(2, {}));
  expect(found(1, b)).toEqual(first);
});

it('a plan is found once for all parts of the page that ask, whatever else of the settings changed', () => {
  const at = { sparsity_percent: 25, round: 8, head: 'auto' } as const;
  const planned = planOf(MODEL, at);
  expect(planOf({ ...MODEL, name: 'other' }, { ...at })).toBe(planned);
  expect(planOf(MODEL, { ...at, round: 5 }).plan?.dimension).toBe(190);
  expect(planOf(MODEL, { ...at, sparsity_percent: 30 }).plan?.dimension).toBe(176);
  expect(planOf(MODEL, at)).toEqual(planned);
});
