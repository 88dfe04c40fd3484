/** @file Threads of the CPU backend under Node, for tests and measurements. */
import { Worker } from 'node:worker_threads';
import { type Crew, createCrew } from './crew.ts';
import type { ComputeThread, ThreadPlace } from './threads.ts';

/** A crew of as many threads besides this one. */
export async function createNodeCrew(others: number): Promise<Crew> {
  const crew = await createCrew(others, startNodeThread);
  if (!crew) throw new Error('Node gave no shared memory.');
  return crew;
}

function startNodeThread(place: ThreadPlace): Promise<ComputeThread> {
  // A Worker of Node takes no TypeScript by itself.
  const url = JSON.stringify(new URL('./testing_thread.ts', import.meta.url).href);
  const code = `import('tsx/esm/api').then(({ tsImport }) => tsImport(${url}, ${url}))`;
  const worker = new Worker(code, { eval: true, workerData: place, execArgv: [] });
  worker.unref();
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', () => resolve({ terminate: () => void worker.terminate() }));
  });
}
