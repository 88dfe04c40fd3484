/** @file A thread of the CPU backend: does its share of each task that it is sent, and says so in shared memory. */
import { serve, type ThreadMessage } from '../backend/wasm/threads.ts';

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = ({ data }: MessageEvent<ThreadMessage>) => serve(data);
self.postMessage('ready');
