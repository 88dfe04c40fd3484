/**
 * @file A thread's sign of life. A kernel that runs for long without its event loop calls {@link pulse} in its loops; whoever
 * watches the thread looks at a counter in shared memory, or hears a message now and then where memory cannot be shared.
 */

/** Places of the 32-bit words. */
const [BEATS, QUIET_S] = [0, 1];
export const PULSE_BYTES = 8;

/** Between two messages; the counter is free, a message is not. */
const MESSAGE_MS = 1000;

/** What a thread without shared memory says in place of the counter. */
export interface PulseMessages {
  beat(): void;
  /** Nothing may be heard for so many seconds. */
  quiet(seconds: number): void;
}

let words: Int32Array | undefined;
let messages: PulseMessages | undefined;
let told = 0;
let count = 0;
/** Seconds of silence that are allowed now. */
let allowed = 0;

/** Where this thread's pulse goes; nowhere unless this is called. @param target Of an array the two first words. */
export function startPulse(target: SharedArrayBuffer | Int32Array | PulseMessages): void {
  if (target instanceof Int32Array) words = target;
  else if (typeof SharedArrayBuffer !== 'undefined' && target instanceof SharedArrayBuffer)
    words = new Int32Array(target);
  else messages = target as PulseMessages;
}

/** Says that the thread lives: some ten nanoseconds, for the outer loop of a kernel. */
export function pulse(): void {
  count++;
  beat();
}

/** How often this thread has called {@link pulse}: its work, as far as it beats. */
export function beats(): number {
  return count;
}

/** The same for a timer, whose beat is no work. */
export function beat(): void {
  if (words) {
    Atomics.add(words, BEATS, 1);
    return;
  }
  if (!messages || performance.now() - told < MESSAGE_MS) return;
  told = performance.now();
  messages.beat();
}

/**
 * For a call that cannot beat from within (a tokenizer, a disk): it may take so many seconds.
 * @returns What `work` returns; where that is a promise, the silence is allowed until it settles.
 */
export function quietly<T>(seconds: number, work: () => T): T {
  // Within a call that may be silent for longer, that stands, and goes on afterwards.
  const before = allowed;
  allow(Math.max(before, seconds));
  let result: T;
  try {
    result = work();
  } catch (thrown) {
    allow(before);
    throw thrown;
  }
  if (result instanceof Promise) return result.finally(() => allow(before)) as T;
  allow(before);
  return result;
}

function allow(seconds: number): void {
  allowed = seconds;
  if (words) Atomics.store(words, QUIET_S, seconds);
  else messages?.quiet(seconds);
  pulse();
}

/** The other end: what the watcher reads. */
export function readPulse(shared: Int32Array): { beats: number; quiet_s: number } {
  return { beats: Atomics.load(shared, BEATS), quiet_s: Atomics.load(shared, QUIET_S) };
}
