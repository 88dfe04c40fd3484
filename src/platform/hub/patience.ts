/** @file Tries again after faults that pass: waits longer each time, forgets old faults once bytes arrive. */
import { cancelled } from '../../errors/errors.ts';
import { HubFault } from './faults.ts';

const FIRST_WAIT_MS = 1000;

export interface PatienceOptions {
  /** Failures in a row before giving up. */
  attempts: number;
  /** A server that asks for a longer wait is not waited for: the person is told instead. */
  longest_wait_ms: number;
  delay: Delay;
  signal: AbortSignal;
  /** Told before each wait. */
  onWait?(seconds: number, reason: string): void;
}

/** Resolves after that time, rejects with `cancelled` when the signal aborts. */
export type Delay = (ms: number, signal: AbortSignal) => Promise<void>;

export class Patience {
  private failures = 0;

  constructor(private readonly options: PatienceOptions) {}

  /** Something arrived: a long download may meet many short faults. */
  progress(): void {
    this.failures = 0;
  }

  /** Waits before another try, or throws the reason why there is none. */
  async afterFault(thrown: unknown): Promise<void> {
    if (!(thrown instanceof HubFault)) throw thrown;
    const { attempts, longest_wait_ms, delay, signal, onWait } = this.options;
    this.failures += 1;
    const wait = thrown.wait_ms ?? FIRST_WAIT_MS * 2 ** (this.failures - 1);
    if (!thrown.is_passing || this.failures >= attempts || wait > longest_wait_ms) throw thrown.reason;
    onWait?.(wait / 1000, thrown.reason.message);
    await delay(wait, signal);
  }
}

export function delayFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(cancelled());
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(cancelled());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
