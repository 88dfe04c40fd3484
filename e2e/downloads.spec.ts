/** Chromium drops downloads beyond ten a second without a word: a job of several exports would wait for one for ever. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { launchHeadless } from '../src/cli/browser.ts';

test('many small files are saved one right after another, none is lost', async () => {
  const out = mkdtempSync(join(tmpdir(), 'whittle-downloads-'));
  const browser = await launchHeadless(fileURLToPath(new URL('../dist/', import.meta.url)));
  try {
    await browser.run('start', { backend: 'cpu' });
    await browser.run('open', { source: { kind: 'demo' }, paths: [] });
    const text = { kind: 'demo' } as const;
    await browser.run('set_texts', { calibration: text, evaluation: text, samples: 1, eval_samples: 1, seqlen: 32 });
    await browser.run('evaluate', { target: 'dense' });
    const { folder, files } = await browser.run('export', { id: 'dense' });
    const [smallest] = [...files].sort((a, b) => a.bytes - b.bytes);
    for (let copy = 0; copy < 30; copy++) await browser.save(folder, smallest, join(out, `${copy}`));
    expect(readdirSync(out)).toHaveLength(30);
  } finally {
    await browser.close();
    rmSync(out, { recursive: true, force: true });
  }
});
