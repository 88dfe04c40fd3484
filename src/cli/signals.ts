/** @file Ctrl-C: the first cancels the job, the second closes the browser, the third ends everything at once. */

/** What a shell reports for a program that Ctrl-C ended. */
export const INTERRUPTED = 130;

/** A cancelled engine gets this long to let go of its memory, a browser to close. */
const CANCEL_GRACE_MS = 5000;
const CLOSE_GRACE_MS = 3000;

export interface Cancellable {
  cancel(): Promise<void>;
  /** May be called again while it runs. */
  close(): Promise<void>;
}

/** The part of `process` that is used; `exit` runs the exit handlers, one of which removes the browser's profile. */
export interface SignalHost {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(status: number): void;
}

export interface SignalGuard {
  /** From here on there is a browser; if Ctrl-C came before, its job is cancelled at once. */
  guard(browser: Cancellable): void;
  /** To be called when the browser is closed. */
  stop(): void;
}

export function cancelOnSignal(host: SignalHost, say: (text: string) => void): SignalGuard {
  let browser: Cancellable | undefined;
  let signals = 0;
  const timers: NodeJS.Timeout[] = [];
  const exit = () => host.exit(INTERRUPTED);
  const cancel = () => void browser?.cancel().catch(() => undefined);
  const close = () => {
    if (!browser) return exit();
    timers.push(setTimeout(exit, CLOSE_GRACE_MS));
    void browser.close().then(exit, exit);
  };
  const onSignal = () => {
    signals++;
    if (signals > 2) return exit();
    if (signals === 2) return close();
    say('\ncancelling …\n');
    timers.push(setTimeout(close, CANCEL_GRACE_MS));
    cancel();
  };
  host.on('SIGINT', onSignal);
  host.on('SIGTERM', onSignal);
  return {
    guard(opened) {
      browser = opened;
      if (signals) cancel();
    },
    stop() {
      for (const timer of timers) clearTimeout(timer);
      host.off('SIGINT', onSignal);
      host.off('SIGTERM', onSignal);
    },
  };
}
