/** @file What a thread did when, in shared memory: other threads cannot be asked while they wait for work. */
import type { Span } from '../../pulse/timeline.ts';
import { TASK_NAMES, type TaskName } from './task_words.ts';

/** Tasks that a thread keeps; later ones are left out. */
const MOST_TASKS = 2 ** 16;
const WORDS = 3;
export const TASK_LOG_BYTES = 8 * (1 + WORDS * MOST_TASKS);

/** One thread writes, another may read at any time: the count is raised last. */
export class TaskLog {
  private readonly words: Float64Array;

  constructor(memory: WebAssembly.Memory, address: number) {
    this.words = new Float64Array(memory.buffer, address, TASK_LOG_BYTES / 8);
  }

  add(name: TaskName, start: number, end: number): void {
    const { words } = this;
    const [count] = words;
    if (count >= MOST_TASKS) return;
    words.set([TASK_NAMES.indexOf(name), start, end], 1 + WORDS * count);
    words[0] = count + 1;
  }

  spans(thread: number): Span[] {
    const { words } = this;
    return Array.from({ length: words[0] }, (_, i) => {
      const [name, start, end] = words.subarray(1 + WORDS * i);
      return { name: TASK_NAMES[name], kind: 'kernel', thread, start, end };
    });
  }
}
