/** @file What a thread of `testing.ts` runs: the same as a compute Worker in a browser. */
import { parentPort, workerData } from 'node:worker_threads';
import { serve } from './threads.ts';

parentPort?.on('message', () => parentPort?.postMessage('heard'));
parentPort?.postMessage('ready');
setTimeout(() => serve(workerData));
