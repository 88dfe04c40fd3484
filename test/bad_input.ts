/** @file How tests of bad input state what they expect: the code, and pieces of the sentence that a person reads. */
import { expect } from 'vitest';
import { type ErrorCode, type ErrorData, formatError, WhittleError } from '../src/errors/errors.ts';

/** Awaits the failure and checks its code, that it says something to do, and each fragment of its message. */
export async function expectBadInput(
  work: Promise<unknown>,
  code: ErrorCode,
  ...fragments: readonly string[]
): Promise<ErrorData> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error, 'nothing was thrown').toBeInstanceOf(WhittleError);
  const data = (error as WhittleError).toData();
  expect(data.code, data.message).toBe(code);
  const sentence = formatError(data);
  for (const fragment of fragments) expect(sentence).toContain(fragment);
  expect(data.action ?? data.allowed, `"${sentence}" does not say what to do`).toBeTruthy();
  return data;
}
