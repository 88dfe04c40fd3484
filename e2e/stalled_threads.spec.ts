/** What becomes of an export when onnxruntime-web's threads wait for one another for ever: here they do. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { launchHeadless } from '../src/cli/browser.ts';

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

/** A copy of the build whose verifier stops. */
function stallingBuild(): string {
  const copy = mkdtempSync(join(tmpdir(), 'whittle-stall-'));
  cpSync(fileURLToPath(new URL('../dist/', import.meta.url)), copy, { recursive: true });
  const assets = join(copy, 'assets');
  const [name] = readdirSync(assets).filter((file) => file.startsWith('verify_worker-') && file.endsWith('.js'));
  const script = readFileSync(join(assets, name), 'utf8');
  writeFileSync(join(assets, name), STALL + script);
  return copy;
}

test('a verification whose threads stop starts over on one and is finished', async () => {
  const app = stallingBuild();
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
