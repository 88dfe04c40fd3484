import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { cancelOnSignal, INTERRUPTED } from './signals.ts';

class Host extends EventEmitter {
  readonly exits: number[] = [];
  exit(status: number): void {
    this.exits.push(status);
  }
}

let host: Host;
let asked: string[];
let closed: () => void;
const browser = {
  async cancel() {
    asked.push('cancel');
  },
  close() {
    asked.push('close');
    return new Promise<void>((resolve) => {
      closed = resolve;
    });
  },
};

beforeEach(() => {
  vi.useFakeTimers();
  host = new Host();
  asked = [];
});
afterEach(() => {
  vi.useRealTimers();
});

it('cancels at the first Ctrl-C and lets the job end by itself', async () => {
  const signals = cancelOnSignal(host, () => undefined);
  signals.guard(browser);
  host.emit('SIGINT');
  signals.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual(['cancel']);
  expect(host.exits).toEqual([]);
  expect(host.listenerCount('SIGINT') + host.listenerCount('SIGTERM')).toBe(0);
});

it('closes the browser before it exits at the second', async () => {
  cancelOnSignal(host, () => undefined).guard(browser);
  host.emit('SIGINT');
  host.emit('SIGTERM');
  expect(asked).toEqual(['cancel', 'close']);
  expect(host.exits).toEqual([]);
  closed();
  await vi.advanceTimersByTimeAsync(0);
  expect(host.exits).toEqual([INTERRUPTED]);
});

it('does not wait for a browser that does not close', async () => {
  cancelOnSignal(host, () => undefined).guard(browser);
  host.emit('SIGINT');
  host.emit('SIGINT');
  await vi.advanceTimersByTimeAsync(3000);
  expect(host.exits).toEqual([INTERRUPTED]);
});

it('closes the browser of a job that does not end, and exits at once at the third Ctrl-C', async () => {
  cancelOnSignal(host, () => undefined).guard(browser);
  host.emit('SIGINT');
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked).toEqual(['cancel', 'close']);
  host.emit('SIGINT');
  host.emit('SIGINT');
  expect(host.exits).toEqual([INTERRUPTED]);
});

it('cancels the job of a browser that was still starting', () => {
  const signals = cancelOnSignal(host, () => undefined);
  host.emit('SIGINT');
  signals.guard(browser);
  expect(asked).toEqual(['cancel']);
});

it('exits at the second Ctrl-C where there is no browser yet', () => {
  cancelOnSignal(host, () => undefined);
  host.emit('SIGINT');
  host.emit('SIGINT');
  expect(host.exits).toEqual([INTERRUPTED]);
});
