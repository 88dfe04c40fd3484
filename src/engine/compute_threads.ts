/** @file Starts the threads that the CPU backend shares its products with: Workers, where memory can be shared. */
import { type Crew, createCrew } from '../backend/wasm/crew.ts';
import type { ComputeThread, ThreadPlace } from '../backend/wasm/threads.ts';

/** Beyond this a product is bound by memory. */
export const MOST_THREADS = 8;

/** A Worker that did not start by then is done without. */
const START_MS = 10_000;

/** Undefined where the page is not cross-origin isolated, so that memory cannot be shared. */
export async function startComputeThreads(): Promise<Crew | undefined> {
  if (!globalThis.crossOriginIsolated) return undefined;
  return createCrew(Math.min(MOST_THREADS, navigator.hardwareConcurrency) - 1, startThread);
}

function startThread(place: ThreadPlace): Promise<ComputeThread | undefined> {
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
    // An answer, not a greeting: Chromium keeps what is posted to a Worker back until this thread's event loop has heard that
    // the Worker's script has run. A Worker that spoke while it runs would be heard before that, and what is then posted by a
    // thread that goes on to block never arrives. Once a message was answered, later ones go straight there.
    worker.onmessage = () => {
      clearTimeout(timer);
      resolve({ terminate: () => worker.terminate() });
    };
    worker.postMessage(place);
  });
}
