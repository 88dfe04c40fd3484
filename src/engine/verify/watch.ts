/**
 * @file Watches that a verification goes on. Threads that wait for one another can wait for ever, and those of onnxruntime-web
 * cannot be looked into: a silence that is long beside the work, and beside what came before, is taken for that. Being wrong
 * costs time only.
 */

/** Least patience, in seconds: a busy machine may give a step that long without being stuck. */
const LEAST_S = 20;
/** The runtime may come over a slow network. */
const LOADING_S = 120;
/** Slow machines open so many bytes a second … */
const OPENED_BYTES_PER_S = 4e6;
/** … and take so many byte-tokens a second: a token costs each weight one multiplication and addition. */
const BYTE_TOKENS_PER_S = 4e8;
/** A window may take so many times as long as the slowest before it. */
const SLOWER = 10;

/** What is waited for next is told by what came. */
export type Sign = 'loaded' | 'opened' | 'part' | 'window';

export class Watch {
  /** Rejects with {@link stall} after too long a silence; never settles otherwise. */
  readonly stalled: Promise<never>;
  readonly stall = Symbol('stalled');
  /** How long a silence is waited out now. */
  patience_s: number;
  private silent_s = 0;
  private slowest_s = 0;
  private last = performance.now();
  private readonly timer: ReturnType<typeof setInterval>;

  /** @param bytes Of the exported files. */
  constructor(
    private readonly bytes: number,
    private readonly seqlen: number,
    isLoaded: boolean,
  ) {
    this.patience_s = isLoaded ? this.opening : LOADING_S;
    let reject: (reason: unknown) => void;
    this.stalled = new Promise((_, fail) => {
      reject = fail;
    });
    this.stalled.catch(() => undefined);
    // Seconds are counted one by one: those that a computer slept through are none.
    this.timer = setInterval(() => {
      if (++this.silent_s < this.patience_s) return;
      this.stop();
      reject(this.stall);
    }, 1000);
  }

  follow(sign: Sign): void {
    const now = performance.now();
    if (sign === 'window' || sign === 'part') this.slowest_s = Math.max(this.slowest_s, (now - this.last) / 1000);
    this.last = now;
    this.silent_s = 0;
    if (sign === 'loaded') this.patience_s = this.opening;
    else if (sign === 'opened') this.patience_s = LEAST_S + (this.bytes * this.seqlen) / BYTE_TOKENS_PER_S;
    else this.patience_s = LEAST_S + SLOWER * this.slowest_s;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private get opening(): number {
    return LEAST_S + this.bytes / OPENED_BYTES_PER_S;
  }
}
