/** @file Runs one task in a Worker of its own: only Workers may block, as the CPU backend and onnxruntime-web's threads do. */
import type { CpuTaskName, CpuTasks, FromCpuWorker } from './page_protocol.ts';

/**
 * Two thread pools in one browser have stopped for ever now and then; so only one lives at a time, and a Worker that is
 * silent for this long is ended and the task tried once more.
 */
const PATIENCE_MS = 90_000;
/** Where one task is many measurements. */
const LONGER: Partial<Record<CpuTaskName, number>> = { linalg: 350_000 };
const patienceOf = (task: CpuTaskName) => LONGER[task] ?? PATIENCE_MS;
const TRIES = 2;

/** @throws What the task threw; an error too where it did not answer. */
export async function runCpuTask<K extends CpuTaskName>(
  task: K,
  request: CpuTasks[K]['request'],
): Promise<CpuTasks[K]['result']> {
  for (let attempt = 1; ; attempt++) {
    const answer = await inWorker({ task, request });
    if (answer === 'silent' && attempt < TRIES) continue;
    if (answer === 'silent') throw new Error(`The Worker for ${task} did not answer in ${patienceOf(task) / 1000} s.`);
    if ('error' in answer) throw new Error(answer.error);
    return answer.result as CpuTasks[K]['result'];
  }
}

function inWorker(message: { task: CpuTaskName; request: unknown }): Promise<FromCpuWorker | 'silent'> {
  const worker = new Worker(new URL('./cpu_worker.ts', import.meta.url), { type: 'module', name: 'whittle-bench' });
  return new Promise((resolve) => {
    const end = (answer: FromCpuWorker | 'silent') => {
      clearTimeout(timer);
      worker.terminate();
      resolve(answer);
    };
    const timer = setTimeout(() => end('silent'), patienceOf(message.task));
    worker.onmessage = ({ data }: MessageEvent<FromCpuWorker>) => end(data);
    worker.onerror = (event) => end({ error: event.message || 'The Worker did not start.' });
    worker.postMessage(message);
  });
}
