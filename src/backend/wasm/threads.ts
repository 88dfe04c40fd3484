/**
 * @file Threads that share a task: other Workers get their ranges by message, this one does its own and then waits. Waiting
 * blocks, as a product on one thread would, so kernels stay plain calls; only Workers may block.
 */
import { WhittleError } from '../../errors/errors.ts';
import { runTask, type TaskName, type Tasks } from './tasks.ts';

export interface ThreadMessage {
  name: TaskName;
  task: Tasks[TaskName];
  start: number;
  end: number;
  /** Shared: [ranges done, ranges failed]. */
  counters: Int32Array;
}

/** Another thread, ready to take messages. */
export interface ComputeThread {
  post(message: ThreadMessage): void;
  terminate(): void;
}

const [DONE, FAILED] = [0, 1];

/** A range is done in seconds; a thread that takes this long was ended by the browser. */
const PATIENCE_MS = 300_000;

/** What a thread does with a message. */
export function serve({ name, task, start, end, counters }: ThreadMessage): void {
  try {
    runTask(name, task, start, end);
  } catch {
    Atomics.add(counters, FAILED, 1);
  }
  Atomics.add(counters, DONE, 1);
  Atomics.notify(counters, DONE);
}

export class Threads {
  private readonly counters: Int32Array | undefined;

  /** @param others Empty where memory cannot be shared: then everything runs here. */
  constructor(private readonly others: readonly ComputeThread[]) {
    this.counters = others.length > 0 ? new Int32Array(new SharedArrayBuffer(8)) : undefined;
  }

  get count(): number {
    return this.others.length + 1;
  }

  get isShared(): boolean {
    return this.counters !== undefined;
  }

  /**
   * Does ranges `bounds[i] … bounds[i + 1]` of a task, each on a thread of its own.
   * @throws `internal` where a thread failed or does not answer.
   */
  run<K extends TaskName>(name: K, task: Tasks[K], bounds: readonly number[]): void {
    const { counters } = this;
    const ranges = bounds.slice(1).map((end, i) => ({ start: bounds[i], end }));
    const [own, ...rest] = ranges.filter(({ start, end }) => end > start);
    if (!counters || rest.length === 0) {
      runTask(name, task, bounds[0], bounds[bounds.length - 1]);
      return;
    }
    counters.fill(0);
    rest.forEach(({ start, end }, i) => {
      this.others[i].post({ name, task, start, end, counters });
    });
    try {
      runTask(name, task, own.start, own.end);
    } finally {
      waitFor(counters, rest.length);
    }
    if (counters[FAILED] > 0) throw fault('A compute thread failed.');
  }

  dispose(): void {
    for (const thread of this.others) thread.terminate();
  }
}

function waitFor(counters: Int32Array, ranges: number): void {
  for (;;) {
    const done = Atomics.load(counters, DONE);
    if (done >= ranges) return;
    if (Atomics.wait(counters, DONE, done, PATIENCE_MS) === 'timed-out')
      throw fault('A compute thread does not answer.');
  }
}

function fault(message: string): WhittleError {
  return new WhittleError({
    code: 'internal',
    message,
    action: 'Reload the page. If memory is short, close other tabs or choose a smaller model.',
  });
}

/** Bounds of equal ranges of `count`, whole multiples of `unit`. */
export function equalRanges(count: number, threads: number, unit = 1): number[] {
  const units = Math.ceil(count / unit);
  return Array.from({ length: threads + 1 }, (_, i) => Math.min(count, Math.round((units * i) / threads) * unit));
}

/** Bounds of ranges of the rows of an upper triangle of size n that hold equally many elements. */
export function triangleRanges(n: number, threads: number, unit = 4): number[] {
  return Array.from({ length: threads + 1 }, (_, i) =>
    i === threads ? n : Math.min(n, Math.round((n * (1 - Math.sqrt(1 - i / threads))) / unit) * unit),
  );
}
