import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { downloadBlob } from './download.ts';

/** Takes ten downloads, then none until a second has passed since the first of them. */
class FakeBrowser {
  readonly taken: string[] = [];
  readonly dropped: string[] = [];
  private burst = 0;
  private burstStart = 0;

  click(name: string): void {
    const isFull = this.burst === 10 && performance.now() - this.burstStart <= 1000;
    (isFull ? this.dropped : this.taken).push(name);
    if (isFull) return;
    if (this.burst === 10) this.burst = 0;
    if (this.burst++ === 0) this.burstStart = performance.now();
  }
}

let browser: FakeBrowser;

beforeEach(() => {
  vi.useFakeTimers();
  browser = new FakeBrowser();
  vi.stubGlobal('document', {
    createElement: () => ({
      download: '',
      click() {
        browser.click(this.download);
      },
    }),
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const NAMES = Array.from({ length: 35 }, (_, i) => `file ${i}`);

it('starts no more downloads at a time than the browser takes, one after another', async () => {
  const job = (async () => {
    for (const name of NAMES) {
      await downloadBlob(new Blob(), name);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await vi.runAllTimersAsync();
  await job;
  expect(browser).toMatchObject({ taken: NAMES, dropped: [] });
});

it('nor all at once, and the first ten without waiting', async () => {
  vi.advanceTimersByTime(10_000);
  const job = Promise.all(NAMES.map((name) => downloadBlob(new Blob(), name)));
  await vi.advanceTimersByTimeAsync(0);
  expect(browser.taken).toHaveLength(10);
  await vi.runAllTimersAsync();
  await job;
  expect(browser).toMatchObject({ taken: NAMES, dropped: [] });
});
