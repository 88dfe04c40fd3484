/**
 * @file Threads that share a task. A task lies in shared memory as numbers, cut into ranges; whoever is free takes the
 * next range, this thread too, until none is left. Threads wait on a word of shared memory, so no task goes through
 * anybody's event loop: a thread that is slow, or never comes, costs time and not the job. The calling thread blocks for the
 * ranges that others have taken, so kernels stay plain calls; only Workers may block.
 */
import { WhittleError } from '../../errors/errors.ts';
import { pulse, startPulse } from '../../pulse/pulse.ts';
import { addSpan, clock, isTimelineOn, type Lane, timelineId } from '../../pulse/timeline.ts';
import { nextTask } from '../event_loop.ts';
import type { TileWidth } from '../linalg/tile_kernel.ts';
import type { Crew } from './crew.ts';
import { TASK_LOG_BYTES, TaskLog } from './task_log.ts';
import { placeIn, TaskTools } from './task_tools.ts';
import { readTask, TASK_WORDS, writeTask } from './task_words.ts';
import { runTask, type TaskName, type Tasks } from './tasks.ts';

/** What a thread is started with. */
export interface ThreadPlace {
  memory: WebAssembly.Memory;
  /** Address of the words that all threads look at. */
  control: number;
  /** Address of this thread's scratch memory. */
  scratch: number;
  /** Counted from 1; 0 is the calling thread. */
  thread: number;
}

/** Another thread, which runs {@link serve}. */
export interface ComputeThread {
  terminate(): void;
}

export const MOST_RANGES = 64;

/**
 * Places of the 32-bit words, each in a cache line of its own. BEATS: other threads' signs of life while they compute. LOGS: where
 * threads write what they did when, as an address in units of {@link LOG_UNIT}; 0: nowhere.
 */
export const [RUN, CLAIM, DONE, FAILED, ASLEEP, BEATS, LOGS] = [0, 16, 32, 48, 64, 80, 96];
/** Of the 64-bit ones: the task, then how many ranges and their bounds. */
const [TASK, COUNT] = [56, 56 + TASK_WORDS];
/** What the heap aligns to: addresses beyond 2 GiB fit a word so. */
const LOG_UNIT = 64;
export const CONTROL_BYTES = 8 * (COUNT + 1 + MOST_RANGES + 1);

/**
 * A claim is the number of the run and that of its next range. Whoever takes a range has read the task before, and swaps
 * the claim only if it is still the one that was there before reading: a run that ended meanwhile has another number.
 */
const RANGE_BITS = 8;
const CLOSED = 2 ** RANGE_BITS - 1;
const claimOf = (run: number, range: number) => (run << RANGE_BITS) | range;

/**
 * Threads that compute beat many times a second (`src/pulse`). So long without a beat of any thread that has a range, and without
 * a range done: one is gone or stuck, and what it was to compute never comes.
 */
const PATIENCE_MS = 15_000;
/** The most that one look counts for: what this thread was kept from running is no silence of the others. */
const LOOK_MS = 100;
/** How often a word is looked at before a thread goes to sleep: a tenth of a millisecond, about what waking another costs. */
const LOOKS = 50_000;
const SLEEP_MS = 5;
/** How often a thread goes through its event loop. */
const TURN_MS = 50;

export class Control {
  readonly words: Int32Array;
  readonly numbers: Float64Array;

  constructor(memory: WebAssembly.Memory, control: number) {
    this.words = new Int32Array(memory.buffer, control, CONTROL_BYTES / 4);
    this.numbers = new Float64Array(memory.buffer, control, CONTROL_BYTES / 8);
  }

  get task(): Float64Array {
    return this.numbers.subarray(TASK, TASK + TASK_WORDS);
  }

  bounds(range: number): [start: number, end: number] {
    return [this.numbers[COUNT + 1 + range], this.numbers[COUNT + 2 + range]];
  }
}

/**
 * Takes ranges of tasks for ever: what another thread does. It ends with its Worker. Now and then it goes through its event
 * loop, for what the browser asks of every thread: a measurement of memory waits for all of them.
 */
export async function serve({ memory, control, scratch, thread }: ThreadPlace): Promise<never> {
  const shared = new Control(memory, control);
  startPulse(shared.words.subarray(BEATS, BEATS + 2));
  const tools = new TaskTools(placeIn(memory, scratch));
  const logs = new ThreadLogs(shared.words, memory);
  let turned = performance.now();
  for (;;) {
    const run = Atomics.load(shared.words, RUN);
    serveRun(shared, tools, memory, () => logs.of(thread));
    waitWhile(shared.words, RUN, run, TURN_MS);
    if (performance.now() - turned < TURN_MS) continue;
    await nextTask();
    turned = performance.now();
  }
}

/** Takes ranges of the run that is open, if one is, until none is left. */
function serveRun(
  shared: Control,
  tools: TaskTools,
  memory: WebAssembly.Memory,
  logAtHand: () => TaskLog | undefined,
): void {
  const { words, numbers } = shared;
  for (;;) {
    const claim = Atomics.load(words, CLAIM);
    const range = claim & CLOSED;
    if (range >= numbers[COUNT]) return;
    const copy = shared.task.slice();
    const [start, end] = shared.bounds(range);
    if (Atomics.compareExchange(words, CLAIM, claim, claim + 1) !== claim) continue;
    pulse();
    try {
      const { name, task } = readTask(copy, memory.buffer);
      const log = logAtHand();
      const begun = log ? clock() : 0;
      runTask(tools, name, task, start, end);
      log?.add(name, begun, clock());
    } catch {
      Atomics.add(words, FAILED, 1);
    }
    Atomics.add(words, DONE, 1);
    wake(words, DONE);
  }
}

/** The threads' logs, wherever they lie now. */
class ThreadLogs {
  private at = 0;
  private readonly known = new Map<number, TaskLog>();

  constructor(
    private readonly words: Int32Array,
    private readonly memory: WebAssembly.Memory,
  ) {}

  /** Undefined while no timeline is kept. */
  of(thread: number): TaskLog | undefined {
    const at = Atomics.load(this.words, LOGS) >>> 0;
    if (at === 0) return undefined;
    if (at !== this.at) {
      this.known.clear();
      this.at = at;
    }
    const log = this.known.get(thread) ?? new TaskLog(this.memory, at * LOG_UNIT + (thread - 1) * TASK_LOG_BYTES);
    this.known.set(thread, log);
    return log;
  }
}

export class Threads {
  private readonly kit: TaskTools;
  private readonly shared?: Control;
  private readonly logs?: ThreadLogs;
  /** The timeline that other threads' logs belong to; 0: they have none. */
  private logged = 0;
  private runs = 0;
  /** A thread that was given up may still write where its range lies: nothing can be computed in this memory any more. */
  private isStalled = false;

  /**
   * @param crew None where memory cannot be shared: then everything runs here.
   * @param tiles Of this thread's products in f32; by default those that are found to be the faster ones.
   * @param patience_ms Silence of other threads that means that one is gone.
   */
  constructor(
    private readonly crew?: Pick<Crew, 'place' | 'control' | 'threads'> & Partial<Pick<Crew, 'heap' | 'others'>>,
    tiles?: TileWidth,
    private readonly patience_ms = PATIENCE_MS,
  ) {
    this.kit = new TaskTools(crew?.place, tiles);
    if (!crew) return;
    this.shared = new Control(crew.place.memory, crew.control);
    this.logs = new ThreadLogs(this.shared.words, crew.place.memory);
  }

  /** This thread's own. */
  get tools(): TaskTools {
    return this.kit;
  }

  get count(): number {
    return (this.crew?.threads.length ?? 0) + 1;
  }

  /**
   * Does ranges `bounds[i] … bounds[i + 1]` of a task, at most {@link MOST_RANGES}, on all threads.
   * @throws `internal` where a thread failed; `engine_stalled` where one does not answer, and from then on always.
   */
  run<K extends TaskName>(name: K, task: Tasks[K], bounds: readonly number[]): void {
    const { crew, shared, kit } = this;
    if (this.isStalled) throw stalled();
    const ranges = bounds.length - 1;
    const isShared = crew && shared && ranges > 1 && writeTask(shared.task, name, task, crew.place.holds);
    if (!isShared) {
      timed(name, () => runTask(kit, name, task, bounds[0], bounds[ranges]));
      return;
    }
    const { words, numbers } = shared;
    if (timelineId() !== this.logged) this.placeLogs(words);
    const run = this.open(words, numbers, bounds);
    let own = 0;
    try {
      for (;;) {
        const claim = Atomics.load(words, CLAIM);
        const range = claim & CLOSED;
        if (range >= ranges) break;
        if (Atomics.compareExchange(words, CLAIM, claim, claim + 1) !== claim) continue;
        own++;
        pulse();
        timed(name, () => runTask(kit, name, task, bounds[range], bounds[range + 1]));
      }
    } finally {
      const taken = Atomics.exchange(words, CLAIM, claimOf(run, CLOSED)) & CLOSED;
      this.isStalled = !isDone(words, Math.min(taken, ranges) - own, this.patience_ms);
    }
    if (this.isStalled) throw stalled();
    if (Atomics.load(words, FAILED) > 0) throw fault('A compute thread failed.');
  }

  /** What the other threads did, where a timeline is kept. To be asked while nothing runs. */
  lanes(): Lane[] {
    const { crew, logs } = this;
    if (!logs || this.logged === 0 || timelineId() !== this.logged) return [];
    return Array.from({ length: crew?.others ?? 0 }, (_, i) => logs.of(i + 1)?.lane(i + 1)).filter((lane) => !!lane);
  }

  dispose(): void {
    for (const thread of this.crew?.threads ?? []) thread.terminate();
  }

  /** Gives the other threads logs, empties them or takes them away, as the timeline is now. No run is open, so nobody writes. */
  private placeLogs(words: Int32Array): void {
    const { heap, others = 0 } = this.crew ?? {};
    this.logged = timelineId();
    if (!heap || others === 0) return;
    const address = (Atomics.load(words, LOGS) >>> 0) * LOG_UNIT;
    if (this.logged === 0) {
      Atomics.store(words, LOGS, 0);
      if (address > 0) heap.release(address);
      return;
    }
    if (address === 0) {
      try {
        Atomics.store(words, LOGS, heap.allocate(others * TASK_LOG_BYTES) / LOG_UNIT);
      } catch (thrown) {
        // A timeline is not worth the job: memory is full.
        if (!(thrown instanceof RangeError)) throw thrown;
        return;
      }
    }
    for (let thread = 1; thread <= others; thread++) this.logs?.of(thread)?.clear();
  }

  /** The claim is closed since the last run, so nobody takes a range while bounds and counts are written. */
  private open(words: Int32Array, numbers: Float64Array, bounds: readonly number[]): number {
    this.runs = (this.runs + 1) % 2 ** (31 - RANGE_BITS);
    Atomics.store(words, DONE, 0);
    Atomics.store(words, FAILED, 0);
    numbers[COUNT] = bounds.length - 1;
    for (const [i, bound] of bounds.entries()) numbers[COUNT + 1 + i] = bound;
    Atomics.store(words, CLAIM, claimOf(this.runs, 0));
    Atomics.add(words, RUN, 1);
    wake(words, RUN);
    return this.runs;
  }
}

/** Does a part of a task on this thread, and puts it into the timeline, where one is kept. */
function timed(name: TaskName, work: () => void): void {
  const start = isTimelineOn() ? clock() : 0;
  work();
  if (start > 0) addSpan({ name, kind: 'kernel', thread: 0, start, end: clock() });
}

/** Waits until so many ranges were done by others. @returns False where one of them is not going to be. */
function isDone(words: Int32Array, ranges: number, patience_ms: number): boolean {
  let [beats, silent_ms, looked] = [Atomics.load(words, BEATS), 0, performance.now()];
  for (;;) {
    const done = Atomics.load(words, DONE);
    if (done >= ranges) return true;
    // Whoever waits for another thread lives; it gives up by itself.
    pulse();
    waitWhile(words, DONE, done, SLEEP_MS);
    const now = performance.now();
    const heard = Atomics.load(words, BEATS);
    const isSilent = heard === beats && Atomics.load(words, DONE) === done;
    silent_ms = isSilent ? silent_ms + Math.min(LOOK_MS, now - looked) : 0;
    if (silent_ms > patience_ms) return false;
    [beats, looked] = [heard, now];
  }
}

/** Looks at a word for a while, then sleeps, until it is no longer `value` or `ms` have passed. */
function waitWhile(words: Int32Array, word: number, value: number, ms: number): void {
  for (let look = 0; look < LOOKS; look++) if (Atomics.load(words, word) !== value) return;
  // Counted before it sleeps: whoever changes the word afterwards sees that there is somebody to wake.
  Atomics.add(words, ASLEEP, 1);
  Atomics.wait(words, word, value, ms);
  Atomics.sub(words, ASLEEP, 1);
}

/** Waking is a call of the operating system: not made where nobody sleeps. */
function wake(words: Int32Array, word: number): void {
  if (Atomics.load(words, ASLEEP) > 0) Atomics.notify(words, word);
}

function fault(message: string): WhittleError {
  return new WhittleError({
    code: 'internal',
    message,
    action: 'Reload the page. If memory is short, close other tabs or choose a smaller model.',
  });
}

function stalled(): WhittleError {
  return new WhittleError({
    code: 'engine_stalled',
    message: 'A compute thread stopped in the middle of its work and does not answer.',
    action:
      'The studio starts the engine anew and goes on behind the last layer that was finished. Elsewhere run the job again.',
  });
}

/** Bounds of equal ranges of `count`, whole multiples of `unit`. */
export function equalRanges(count: number, ranges: number, unit = 1): number[] {
  const units = Math.ceil(count / unit);
  return Array.from({ length: ranges + 1 }, (_, i) => Math.min(count, Math.round((units * i) / ranges) * unit));
}

/** Bounds of ranges of the rows of an upper triangle of size n that hold equally many elements. */
export function triangleRanges(n: number, ranges: number, unit = 4): number[] {
  return Array.from({ length: ranges + 1 }, (_, i) =>
    i === ranges ? n : Math.min(n, Math.round((n * (1 - Math.sqrt(1 - i / ranges))) / unit) * unit),
  );
}
