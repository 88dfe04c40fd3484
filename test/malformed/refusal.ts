/** @file What a refusal costs, and what it has to say. */
import { expect } from 'vitest';
import { WhittleError } from '../../src/errors/errors.ts';

const MOST_MS = 5000;
const MOST_BYTES = 200e6;

export interface Outcome {
  /** Undefined where nothing was thrown. */
  readonly error: unknown;
  readonly ms: number;
  /** Memory that is held after it, beyond what was held before. */
  readonly bytes: number;
  /** By how much the process grew beyond all that it ever was. */
  readonly peak: number;
}

function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

/** Kilobytes in Node. */
const peak = () => 1024 * process.resourceUsage().maxRSS;

export async function outcomeOf(work: () => unknown): Promise<Outcome> {
  const [started, before, highest] = [performance.now(), memory(), peak()];
  let error: unknown;
  try {
    await work();
  } catch (thrown) {
    error = thrown;
  }
  return { error, ms: performance.now() - started, bytes: memory() - before, peak: peak() - highest };
}

export function expectCheap({ ms, bytes, peak: grown }: Outcome): void {
  expect(ms).toBeLessThan(MOST_MS);
  expect(bytes).toBeLessThan(MOST_BYTES);
  expect(grown).toBeLessThan(MOST_BYTES);
}

/** A typed error of bad input with a sentence, what is allowed and what to do. */
export function expectWhole(error: unknown): WhittleError {
  if (!(error instanceof WhittleError)) throw new Error('No typed error was thrown', { cause: error });
  const { message, allowed, action } = error;
  expect(error.isBadInput, message).toBe(true);
  expect(message.length).toBeGreaterThan(10);
  expect(allowed, `${message} — what is allowed`).toBeTruthy();
  expect(action, `${message} — what to do`).toBeTruthy();
  return error;
}
