/** @file The shared memory of the CPU backend and the threads that work in it. */

import { createSharedMemory, SharedHeap } from './heap.ts';
import { placeIn, SCRATCH_BYTES, type ToolPlace } from './task_tools.ts';
import { CONTROL_BYTES, type ComputeThread, type ThreadPlace } from './threads.ts';

export interface Crew {
  heap: SharedHeap;
  /** The calling thread's. */
  place: ToolPlace;
  /** Address of the words that all threads look at. */
  control: number;
  threads: readonly ComputeThread[];
  /** Threads that were asked for besides the calling one: their numbers go so far. */
  others: number;
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
  const place = placeIn(memory, heap.allocate(SCRATCH_BYTES), heap.views);
  const starting = Array.from({ length: others }, (_, i) =>
    start({ memory, control, scratch: heap.allocate(SCRATCH_BYTES), thread: i + 1 }),
  );
  const threads = (await Promise.all(starting)).filter((thread) => thread !== undefined);
  return { heap, place, control, threads, others };
}
