/** @file Threads of the CPU backend under Node, for tests and measurements. */
import { Worker } from 'node:worker_threads';
import { type Crew, createCrew } from './crew.ts';
import type { ComputeThread, ThreadPlace } from './threads.ts';

interface NodeThread extends ComputeThread {
  /** Resolves once the thread has taken a message from its event loop and answered. */
  answer(): Promise<void>;
}

/** A crew of as many threads besides this one. */
export async function createNodeCrew(
  others: number,
): Promise<Omit<Crew, 'threads'> & { threads: readonly NodeThread[] }> {
  const threads: NodeThread[] = [];
  const crew = await createCrew(others, async (place) => {
    const thread = await startNodeThread(place);
    threads.push(thread);
    return thread;
  });
  if (!crew) throw new Error('Node gave no shared memory.');
  return { ...crew, threads };
}

function startNodeThread(place: ThreadPlace): Promise<NodeThread> {
  // A Worker of Node takes no TypeScript by itself.
  const url = JSON.stringify(new URL('./testing_thread.ts', import.meta.url).href);
  const code = `import('tsx/esm/api').then(({ tsImport }) => tsImport(${url}, ${url}))`;
  const worker = new Worker(code, { eval: true, workerData: place, execArgv: [] });
  worker.unref();
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    const answer = () => {
      worker.postMessage('?');
      return new Promise<void>((resolveAnswer) => worker.once('message', () => resolveAnswer()));
    };
    worker.once('message', () => resolve({ answer, terminate: () => void worker.terminate() }));
  });
}
