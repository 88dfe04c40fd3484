import { expect, it } from 'vitest';
import { type Chosen, mostFrequent } from './palette.ts';

it('the most frequent way of several, the first of two that are as frequent', () => {
  const chosen = (ways: string) => [...ways].map((way, i): Chosen => [i, 'q_proj', way]);
  expect(mostFrequent(chosen('abbcb'))).toBe('b');
  expect(mostFrequent(chosen('caac'))).toBe('c');
});
