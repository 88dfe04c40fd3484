import { expect, it } from 'vitest';
import { longestWait, waitingFor } from './waits.ts';

it('names what has been waited for longest, until it is answered, well or badly', async () => {
  expect(longestWait()).toBeUndefined();
  let read = (_: number) => {};
  let fail = (_: Error) => {};
  const first = waitingFor('a file', new Promise<number>((resolve) => (read = resolve)));
  const second = waitingFor('a lock', new Promise<never>((_, reject) => (fail = reject)));
  expect(longestWait()).toMatchObject({ what: 'a file', ms: expect.any(Number) });
  read(7);
  expect(await first).toBe(7);
  expect(longestWait()?.what).toBe('a lock');
  fail(new Error('none'));
  await expect(second).rejects.toThrow('none');
  expect(longestWait()).toBeUndefined();
});
