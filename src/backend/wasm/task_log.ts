/** @file What a thread did when, in shared memory: other threads cannot be asked while they wait for work. */
import type { Lane } from '../../pulse/timeline.ts';
import { TASK_NAMES, type TaskName } from './task_words.ts';

/** Tasks that are kept of a thread: the last ones. */
export const MOST_TASKS = 2 ** 16;
const WORDS = 3;
/** Whole cache lines: no two threads write to the same one. */
export const TASK_LOG_BYTES = 64 * Math.ceil((8 * (1 + WORDS * MOST_TASKS)) / 64);

/** One thread writes, another reads while nothing runs: the count is raised last. */
export class TaskLog {
  private readonly words: Float64Array;

  constructor(memory: WebAssembly.Memory, address: number) {
    this.words = new Float64Array(memory.buffer, address, TASK_LOG_BYTES / 8);
  }

  clear(): void {
    this.words[0] = 0;
  }

  add(name: TaskName, start: number, end: number): void {
    const { words } = this;
    const [count] = words;
    const at = 1 + WORDS * (count % MOST_TASKS);
    words[at] = TASK_NAMES.indexOf(name);
    words[at + 1] = start;
    words[at + 2] = end;
    words[0] = count + 1;
  }

  lane(thread: number): Lane {
    const { words } = this;
    const [count] = words;
    const kept = Math.min(count, MOST_TASKS);
    const dropped = count - kept;
    const column = (offset: number) => (_: unknown, i: number) =>
      words[1 + WORDS * ((dropped + i) % MOST_TASKS) + offset];
    return {
      ...{ kind: 'kernel', thread, names: TASK_NAMES, dropped },
      name: Uint16Array.from({ length: kept }, column(0)),
      start: Float64Array.from({ length: kept }, column(1)),
      end: Float64Array.from({ length: kept }, column(2)),
    };
  }
}
