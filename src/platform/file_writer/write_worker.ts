/** @file The Worker that writes an engine's files, beside it: the engine reads and converts meanwhile. */
import type { ToWriter } from './messages.ts';
import { WrittenFiles } from './written_files.ts';

declare const self: DedicatedWorkerGlobalScope;

const files = new WrittenFiles((message, transfer = []) => self.postMessage(message, transfer));

self.onmessage = ({ data }: MessageEvent<ToWriter>) => files.take(data);
