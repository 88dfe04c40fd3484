/** @file Giving the event loop a turn inside long synchronous work, so that a Worker can receive `cancel`. */
import { cancelled } from '../errors/errors.ts';
import { pulse } from '../pulse/pulse.ts';

/** Resolves in a later macrotask. A message port has no minimum delay, unlike nested `setTimeout` in browsers. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}

/** Returns a function to call often: every `interval_ms` it yields and then throws `cancelled` if the signal says so. */
export function breather(signal: AbortSignal | undefined, interval_ms = 50): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    pulse();
    if (performance.now() - last < interval_ms) return undefined;
    return nextTask().then(() => {
      throwIfCancelled(signal);
      last = performance.now();
    });
  };
}
