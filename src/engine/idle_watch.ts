/**
 * @file Whether a job on the CPU stands still although its thread lives: its event loop turns, but nothing is computed and nothing
 * told. Then it waits for an answer of the browser that does not come (a read of a file, a storage handle).
 */
import { type ErrorData, WhittleError } from '../errors/errors.ts';
import { beats } from '../pulse/pulse.ts';
import { longestWait } from '../pulse/waits.ts';
import type { CommandKind } from './protocol.ts';

/** A slow disk gives a layer within this. */
export const IDLE_S = 60;

/** Commands that compute in this thread from their beginning to their end. */
const COMPUTES: ReadonlySet<CommandKind> = new Set([
  'evaluate',
  'calibrate',
  'compress',
  'solve',
  'token_losses',
  'score',
]);

export class IdleWatch {
  private running = 0;
  private idle_s = 0;
  private seen = 0;

  /** @param onIdle Called once in {@link IDLE_S} of standing still. */
  constructor(private readonly onIdle: (error: ErrorData) => void) {}

  /** @param isOnCpu On a GPU this thread is idle while it computes. @returns To be called when it ends. */
  begin(kind: CommandKind, isOnCpu: boolean): () => void {
    if (!isOnCpu || !COMPUTES.has(kind)) return () => {};
    this.running += 1;
    this.moved();
    return () => {
      this.running -= 1;
    };
  }

  /** Something was told. */
  moved(): void {
    this.idle_s = 0;
  }

  /** Once a second; what beats the timer itself gives are not counted. */
  tick(): void {
    const isIdle = this.running > 0 && beats() === this.seen;
    this.seen = beats();
    this.idle_s = isIdle ? this.idle_s + 1 : 0;
    if (this.idle_s < IDLE_S) return;
    this.moved();
    this.onIdle(stoodStill().toData());
  }
}

function stoodStill(): WhittleError {
  const what = longestWait()?.what ?? 'the browser';
  return new WhittleError({
    code: 'engine_stalled',
    message: `The job stood still for ${IDLE_S} s: it waited for ${what}, and no answer came.`,
    action:
      'The studio starts the engine anew and goes on behind the last layer that was finished. Elsewhere run the job again.',
  });
}
