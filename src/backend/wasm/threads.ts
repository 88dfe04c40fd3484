/**
 * @file Threads that share a task: other Workers are offered ranges by message, this one does its own, then those that
 * nobody has taken yet, and waits for the rest. Waiting blocks, as a product on one thread would, so kernels stay plain
 * calls; only Workers may block. Because a range is waited for only once a thread has taken it, a message that the browser
 * delivers late, or never while this thread blocks, costs time and not the job.
 */
import { WhittleError } from '../../errors/errors.ts';
import { runTask, type TaskName, type Tasks } from './tasks.ts';

export interface ThreadMessage {
  name: TaskName;
  task: Tasks[TaskName];
  start: number;
  end: number;
  /** Shared: [ranges done, ranges failed, then one ticket a thread]. */
  counters: Int32Array;
  /** Which ticket is this range's, and what it says while nobody has taken it. */
  thread: number;
  run: number;
}

/** Another thread, ready to take messages. */
export interface ComputeThread {
  post(message: ThreadMessage): void;
  terminate(): void;
}

const [DONE, FAILED, TICKETS] = [0, 1, 2];
/** What a ticket says once its range is taken. */
const TAKEN = 0;

/** A range is done in seconds; a thread that takes this long was ended by the browser. */
const PATIENCE_MS = 300_000;
const LOOK_MS = 5;

/** Takes a range, if nobody has taken it and its run is not over. */
function take(counters: Int32Array, thread: number, run: number): boolean {
  return Atomics.compareExchange(counters, TICKETS + thread, run, TAKEN) === run;
}

/** What a thread does with a message: nothing, where the range has been taken. */
export function serve({ name, task, start, end, counters, thread, run }: ThreadMessage): void {
  if (!take(counters, thread, run)) return;
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
  /** Of this run; never 0, which is {@link TAKEN}. */
  private runs = 0;

  /** @param others Empty where memory cannot be shared: then everything runs here. */
  constructor(private readonly others: readonly ComputeThread[]) {
    this.counters =
      others.length > 0 ? new Int32Array(new SharedArrayBuffer(4 * (TICKETS + others.length))) : undefined;
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
    const run = this.nextRun();
    Atomics.store(counters, DONE, 0);
    Atomics.store(counters, FAILED, 0);
    rest.forEach(({ start, end }, thread) => {
      Atomics.store(counters, TICKETS + thread, run);
      this.others[thread].post({ name, task, start, end, counters, thread, run });
    });
    let taken = rest.length;
    try {
      runTask(name, task, own.start, own.end);
    } finally {
      const left = rest.filter((_, thread) => take(counters, thread, run));
      taken -= left.length;
      try {
        for (const { start, end } of left) runTask(name, task, start, end);
      } finally {
        waitFor(counters, taken);
      }
    }
    if (Atomics.load(counters, FAILED) > 0) throw fault('A compute thread failed.');
  }

  private nextRun(): number {
    this.runs = this.runs >= 0x7fffffff ? 1 : this.runs + 1;
    return this.runs;
  }

  dispose(): void {
    for (const thread of this.others) thread.terminate();
  }
}

/** Looks again now and then: a wake-up that is lost then costs milliseconds. */
function waitFor(counters: Int32Array, ranges: number): void {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const done = Atomics.load(counters, DONE);
    if (done >= ranges) return;
    Atomics.wait(counters, DONE, done, LOOK_MS);
    if (performance.now() > end) throw fault('A compute thread does not answer.');
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
