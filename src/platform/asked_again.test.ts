import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { askedAgain } from './asked_again.ts';

const PATIENCE = { times: 3, after_ms: 100 };
function promised<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((answer) => (resolve = answer));
  return { promise, resolve };
}
const handle = () => ({ close: vi.fn() });
const locked = () => new DOMException('locked', 'NoModificationAllowedError');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('opening what is answered late or never', () => {
  it('asks once where the answer comes', async () => {
    const opened = handle();
    const ask = vi.fn(async () => opened);
    expect(await askedAgain(ask, PATIENCE)).toBe(opened);
    await vi.advanceTimersByTimeAsync(1000);
    expect(ask).toHaveBeenCalledTimes(1);
    expect(opened.close).not.toHaveBeenCalled();
  });

  it('asks again after a while, and closes what comes after all', async () => {
    const [lost, opened] = [handle(), handle()];
    const late = promised<typeof lost>();
    const ask = vi.fn().mockReturnValueOnce(late.promise).mockResolvedValueOnce(opened);
    const found = askedAgain(ask, PATIENCE);
    await vi.advanceTimersByTimeAsync(99);
    expect(ask).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await found).toBe(opened);
    late.resolve(lost);
    await vi.advanceTimersByTimeAsync(1000);
    expect([lost.close.mock.calls.length, opened.close.mock.calls.length, ask.mock.calls.length]).toEqual([1, 0, 2]);
  });

  it('takes a lock that it may have made itself for no answer, and waits for the first', async () => {
    const opened = handle();
    const late = promised<typeof opened>();
    const ask = vi.fn().mockReturnValueOnce(late.promise).mockRejectedValue(locked());
    const found = askedAgain(ask, PATIENCE);
    await vi.advanceTimersByTimeAsync(1000);
    expect(ask).toHaveBeenCalledTimes(3);
    late.resolve(opened);
    expect(await found).toBe(opened);
    expect(opened.close).not.toHaveBeenCalled();
  });

  it.each([
    ['a lock that another holds', [locked()]],
    ['another failure, also of the second ask', [undefined, new DOMException('gone', 'NotFoundError')]],
  ])('rejects with %s', async (_name, answers) => {
    const ask = vi.fn();
    for (const answer of answers) {
      if (answer) ask.mockRejectedValueOnce(answer);
      else ask.mockReturnValueOnce(new Promise(() => {}));
    }
    const found = askedAgain(ask, PATIENCE).catch((thrown: unknown) => thrown);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await found).toBe(answers.at(-1));
    expect(ask).toHaveBeenCalledTimes(answers.length);
  });
});
