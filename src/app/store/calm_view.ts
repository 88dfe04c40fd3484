/**
 * @file The store as a part of the page reads it that is not on the screen: it stands still while changes follow each other, and
 * follows them once they pause. What a slider redraws sixty times a second is then only what can be seen.
 */
import type { StoreApi } from 'zustand/vanilla';

export type View<S> = Pick<StoreApi<S>, 'getState' | 'getInitialState' | 'subscribe'>;

/** Nothing changed for so long: the pointer rests. */
export const CALM_MS = 250;
/** While a job tells its progress nothing ever rests. */
const LATEST_MS = 1000;

export class CalmView<S> implements View<S> {
  private readonly listeners = new Set<(state: S, before: S) => void>();
  private shown: S;
  private leave: (() => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** When the first change came that is not shown. */
  private since: number | null = null;

  /** @param isSeen Until it is told otherwise. */
  constructor(
    private readonly store: View<S>,
    private isSeen = true,
  ) {
    this.shown = store.getState();
  }

  readonly getInitialState = (): S => this.store.getInitialState();

  readonly getState = (): S => {
    // Nobody was told of changes yet.
    if (this.isSeen || !this.leave) this.shown = this.store.getState();
    return this.shown;
  };

  readonly subscribe = (listener: (state: S, before: S) => void): (() => void) => {
    this.listeners.add(listener);
    if (!this.leave) {
      this.shown = this.store.getState();
      this.leave = this.store.subscribe(() => this.changed());
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.leave?.();
      this.leave = null;
      this.rest();
    };
  };

  /** Comes onto the screen, with all that changed meanwhile, or leaves it. */
  see(isSeen: boolean): void {
    this.isSeen = isSeen;
    if (isSeen) this.show();
  }

  private changed(): void {
    if (this.isSeen) {
      this.show();
      return;
    }
    const now = Date.now();
    this.since ??= now;
    clearTimeout(this.timer);
    const wait = Math.max(0, Math.min(CALM_MS, this.since + LATEST_MS - now));
    this.timer = setTimeout(() => this.show(), wait);
  }

  private show(): void {
    this.rest();
    const before = this.shown;
    this.shown = this.store.getState();
    if (before === this.shown) return;
    for (const listener of [...this.listeners]) listener(this.shown, before);
  }

  private rest(): void {
    clearTimeout(this.timer);
    this.since = null;
  }
}
