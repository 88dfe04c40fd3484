/** @file The shared memory of the CPU backend and the threads that work in it. */

import { isTimelineOn } from '../../pulse/timeline.ts';
import { createSharedMemory, SharedHeap } from './heap.ts';
import { TASK_LOG_BYTES } from './task_log.ts';
import { SCRATCH_BYTES, type ToolPlace } from './tasks.ts';
import { CONTROL_BYTES, type ComputeThread, type ThreadPlace } from './threads.ts';

export interface Crew {
  heap: SharedHeap;
  /** The calling thread's. */
  place: ToolPlace;
  /** Address of the words that all threads look at. */
  control: number;
  threads: readonly ComputeThread[];
  /** Addresses of the other threads' logs, where a timeline is kept. */
  logs?: readonly number[];
}

/**
 * @param others Threads besides this one.
 * @param start Starts a thread that runs `serve`; undefined where it cannot be had.
 * @returns Undefined where memory cannot be shared.
 */
export async function createCrew(
  others: number,
  start: (place: ThreadPlace) => Promise<ComputeThread | undefined>,
): Promise<Crew | undefined> {
  const memory = createSharedMemory();
  if (!memory) return undefined;
  const heap = new SharedHeap(memory);
  // New memory is zero: no run is open.
  const control = heap.allocate(CONTROL_BYTES);
  const place = {
    memory,
    scratch: heap.allocate(SCRATCH_BYTES),
    holds: (buffer: ArrayBufferLike) => heap.holds(buffer),
  };
  const logs = isTimelineOn() ? Array.from({ length: others }, () => heap.allocate(TASK_LOG_BYTES)) : undefined;
  const starting = Array.from({ length: others }, (_, i) =>
    start({ memory, control, scratch: heap.allocate(SCRATCH_BYTES), ...(logs && { log: logs[i] }) }),
  );
  const threads = (await Promise.all(starting)).filter((thread) => thread !== undefined);
  return { heap, place, control, threads, ...(logs && { logs }) };
}
