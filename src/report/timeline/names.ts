/** @file What the threads of a timeline are called. */
import { GPU_THREAD } from '../../pulse/timeline.ts';

export function threadName(thread: number): string {
  if (thread === GPU_THREAD) return 'GPU';
  return thread === 0 ? 'engine' : `compute ${thread}`;
}
