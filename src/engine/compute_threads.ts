/** @file Starts the threads that the CPU backend shares its products with: Workers, where memory can be shared. */
import type { ComputeThread } from '../backend/wasm/threads.ts';

/** Beyond this a product is bound by memory. */
export const MOST_THREADS = 8;

/** A Worker that did not start by then is done without. */
const START_MS = 10_000;

/** Threads besides this one; none where the page is not cross-origin isolated, so that memory cannot be shared. */
export async function startComputeThreads(): Promise<ComputeThread[]> {
  if (!globalThis.crossOriginIsolated) return [];
  const others = Math.min(MOST_THREADS, navigator.hardwareConcurrency) - 1;
  const started = await Promise.all(Array.from({ length: others }, startThread));
  return started.filter((thread) => thread !== undefined);
}

function startThread(): Promise<ComputeThread | undefined> {
  const worker = new Worker(new URL('./compute_worker.ts', import.meta.url), {
    type: 'module',
    name: 'whittle-compute',
  });
  return new Promise((resolve) => {
    const giveUp = () => {
      worker.terminate();
      resolve(undefined);
    };
    const timer = setTimeout(giveUp, START_MS);
    worker.onerror = (event) => {
      event.preventDefault();
      giveUp();
    };
    // Its first message says that it listens: only then may the engine wait for its answers.
    worker.onmessage = () => {
      clearTimeout(timer);
      resolve({ post: (message) => worker.postMessage(message), terminate: () => worker.terminate() });
    };
  });
}
