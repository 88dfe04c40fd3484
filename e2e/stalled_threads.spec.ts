/** What becomes of a job when threads stop for ever: onnxruntime-web's, that wait for one another, and the CPU backend's own. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { launchHeadless } from '../src/cli/browser.ts';
import { serveApp } from '../src/cli/server.ts';
import { chooseWindows, isFull, region, sliceRuns, waitForJob } from './fixtures.ts';

/** Ahead of the verifier's script: on several threads it blocks once the file is open, as in the middle of a run. */
const STALL = `{
  let threads = 1;
  self.addEventListener('message', ({ data }) => { if (data.type === 'load') threads = data.threads; });
  const post = self.postMessage.bind(self);
  self.postMessage = (message, transfer) => {
    post(message, transfer);
    const never = new Int32Array(new SharedArrayBuffer(4));
    if (message.type === 'opened' && threads > 1) Atomics.wait(never, 0, 0);
  };
}
`;

/** Ahead of the script of a compute thread: from the word on it stops with the next range of a task that it takes. */
const STOP = `{
  const swap = Atomics.compareExchange;
  let stops = false;
  new BroadcastChannel('stop').onmessage = () => { stops = true; };
  Atomics.compareExchange = (words, place, expected, wanted) => {
    const found = swap(words, place, expected, wanted);
    if (stops && found === expected) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    return found;
  };
}
`;

/** A copy of the build in which a Worker's script begins with other lines. */
function changedBuild(worker: string, lines: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'whittle-stall-'));
  cpSync(fileURLToPath(new URL('../dist/', import.meta.url)), copy, { recursive: true });
  const assets = join(copy, 'assets');
  const [name] = readdirSync(assets).filter((file) => file.startsWith(`${worker}-`) && file.endsWith('.js'));
  const script = readFileSync(join(assets, name), 'utf8');
  writeFileSync(join(assets, name), lines + script);
  return copy;
}

test('a verification whose threads stop starts over on one and is finished', async () => {
  test.skip(!isFull, 'WHITTLE_FULL=1: it waits for 20 s; verifier.test.ts shows it with Workers of its own');
  const app = changedBuild('verify_worker', STALL);
  const browser = await launchHeadless(app);
  try {
    const isThreaded = await browser.page.evaluate(() => crossOriginIsolated && navigator.hardwareConcurrency > 1);
    test.skip(!isThreaded, 'this machine has one processor, so nothing runs on threads');
    const told: string[] = [];
    browser.page.on('console', (message) => told.push(message.text()));
    await browser.run('start', { backend: 'cpu' });
    await browser.run('open', { source: { kind: 'demo' }, paths: [] });
    const text = { kind: 'demo' } as const;
    await browser.run('set_texts', { calibration: text, evaluation: text, samples: 1, eval_samples: 2, seqlen: 32 });
    await browser.run('evaluate', { target: 'dense' });
    const { verified, duration_ms } = await browser.run('export', {
      id: 'dense',
      options: { format: 'transformers.js' },
    });
    expect(verified).toBe(true);
    expect(told.join('\n')).toMatch(/stopped on \d threads.*starts over on one/);
    expect(duration_ms.verification).toBeGreaterThan(20_000);
  } finally {
    await browser.close();
    rmSync(app, { recursive: true, force: true });
  }
});

test('a compute thread that stops in the middle of a task is told within half a minute, and the slicing goes on by itself', async ({
  page,
}) => {
  test.skip(!isFull, 'WHITTLE_FULL=1: it waits for 15 s');
  const app = changedBuild('compute_worker', STOP);
  const server = await serveApp(app);
  try {
    await page.goto(server.url);
    test.skip(await page.evaluate(() => navigator.hardwareConcurrency < 2), 'this machine has one processor');
    await chooseWindows(page, 2, 32);
    await page.getByRole('button', { name: 'Try the built-in model' }).click();
    await waitForJob(page, 'Opening the model');
    await page.evaluate(() => new BroadcastChannel('stop').postMessage('now'));
    await page.getByRole('button', { name: 'Slice', exact: true }).click();
    await expect(page.getByRole('alert')).toContainText('does not answer', { timeout: 30_000 });
    await waitForJob(page, 'Slicing 25 %');
    await expect(sliceRuns(page)).toHaveCount(1);
    await expect(region(page, 'Runs')).not.toContainText('weights lost');
  } finally {
    server.close();
    rmSync(app, { recursive: true, force: true });
  }
});
