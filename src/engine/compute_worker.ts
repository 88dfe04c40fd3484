/**
 * @file A thread of the CPU backend: once it has answered that it is there, it takes work from shared memory for ever. It says
 * nothing before it is asked ({@link startComputeThreads} tells why).
 */
import { serve, type ThreadPlace } from '../backend/wasm/threads.ts';

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = ({ data }: MessageEvent<ThreadPlace>) => {
  self.postMessage('ready');
  // In a task of its own: the message is then on its way before this thread blocks.
  setTimeout(() => serve(data));
};
