/**
 * @file Whether the engine's Worker still lives, judged by silence. It beats by itself while its event loop turns, and its
 * kernels beat for it while they keep it from turning (`src/pulse`), so that long work is not taken for death.
 */
import { PULSE_BYTES, readPulse } from '../pulse/pulse.ts';

/** Silence that means death, in seconds. */
export const SILENCE_S = 5;
/** Until the first sign: the Worker's script may come over a slow network. */
export const START_S = 120;

/** Shared with the Worker; undefined where the page is not cross-origin isolated, so that it has to send messages. */
export function createPulse(): SharedArrayBuffer | undefined {
  return globalThis.crossOriginIsolated ? new SharedArrayBuffer(PULSE_BYTES) : undefined;
}

export class LifeWatch {
  private readonly words?: Int32Array;
  private readonly timer: ReturnType<typeof setInterval>;
  private beats = 0;
  private silent_s = 0;
  private quiet_s = 0;
  private isStarted = false;

  /** @param onSilence Called once, with the seconds of silence. */
  constructor(
    shared: SharedArrayBuffer | undefined,
    private readonly onSilence: (seconds: number) => void,
  ) {
    if (shared) this.words = new Int32Array(shared);
    // Seconds are counted one by one: those that a computer slept through, or that this page was busy for, are none.
    this.timer = setInterval(() => this.tick(), 1000);
  }

  /** Anything was heard of the Worker. */
  heard(): void {
    this.isStarted = true;
    this.silent_s = 0;
  }

  /** The Worker announced that it may be silent for so long; 0 takes it back. */
  allow(seconds: number): void {
    this.quiet_s = seconds;
    this.heard();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    if (this.words) {
      const { beats, quiet_s } = readPulse(this.words);
      if (beats !== this.beats) this.heard();
      this.beats = beats;
      this.quiet_s = quiet_s;
    }
    this.silent_s += 1;
    const patience = this.isStarted ? Math.max(SILENCE_S, this.quiet_s) : START_S;
    if (this.silent_s <= patience) return;
    this.stop();
    this.onSilence(patience);
  }
}
