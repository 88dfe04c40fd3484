/**
 * @file Pictures of the real studio. usage: npx tsx tools/screenshot.ts [FOLDER]
 *
 * Without a folder: docs/studio.png, after a sweep of the built-in model. With one: every state in light and dark, wide
 * and narrow, for a look at them.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import { launchHeadless } from '../src/cli/browser.ts';
import { family, familyFiles } from '../test/fixtures/families/family_model.ts';

const PATIENCE_MS = 900_000;
const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 420, height: 900 };

const folder = process.argv[2];
const browser = await launchHeadless(fileURLToPath(new URL('../dist/', import.meta.url)), 'index.html');
const { page } = browser;
try {
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: 'light' });
  if (folder) await everyState(folder);
  else await readmePicture();
} finally {
  await browser.close();
}

async function readmePicture(): Promise<void> {
  const target = fileURLToPath(new URL('../docs/studio.png', import.meta.url));
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await finished(page, 'Opening the model');
  await page.getByRole('button', { name: /^Sweep/ }).click();
  await finished(page, 'Sweep');
  // Back to the run that the README speaks of.
  await page.locator('button.run-choose', { hasText: /sparsity=0\.25$/ }).click();
  await page.getByRole('button', { name: 'Export ONNX' }).click();
  await finished(page, 'Export');
  // The click scrolled to the export; the comparison stands above it.
  await page.locator('.column-right').evaluate((column) => column.scrollTo(0, 0));
  mkdirSync(dirname(target), { recursive: true });
  await page.screenshot({ path: target });
}

async function everyState(target: string): Promise<void> {
  mkdirSync(target, { recursive: true });
  await smallWindows();
  await picture(target, 'empty');
  await page.getByRole('button', { name: 'Try the built-in model' }).click();
  await page
    .locator('.job-figures')
    .getByText(/in use/)
    .waitFor({ timeout: PATIENCE_MS });
  await page.screenshot({ path: join(target, 'running.png') });
  await finished(page, 'Opening the model');
  await page.getByRole('button', { name: 'Slice', exact: true }).click();
  await finished(page, 'Slicing');
  await page.getByRole('button', { name: 'Export ONNX' }).click();
  await finished(page, 'Export');
  await page.getByLabel('Format', { exact: true }).selectOption('transformers.js');
  await page.getByLabel('Precision', { exact: true }).selectOption('int4');
  await page.getByRole('button', { name: /^Export transformers.js/ }).click();
  await finished(page, 'Export');
  await page.getByText('Export the model as it is').click();
  await page.getByLabel('Precision of the open model').selectOption('int8');
  await page.getByRole('button', { name: 'Export ONNX, int8' }).click();
  await finished(page, 'Export');
  await picture(target, 'finished');
  await page.getByLabel('Format', { exact: true }).selectOption('gguf');
  await page.getByRole('radio', { name: /^untied/ }).click();
  await picture(target, 'growing');
  await open('gpt_neox');
  await finished(page, 'Opening the model');
  await picture(target, 'parallel');
  await open('olmo2');
  await finished(page, 'Opening the model');
  await picture(target, 'refused');
  await page
    .getByLabel('Model files')
    .setInputFiles([{ name: 'a.bin', mimeType: 'application/octet-stream', buffer: Buffer.from('a') }]);
  await page.getByRole('alert').waitFor();
  await picture(target, 'failed');
}

async function open(name: string): Promise<void> {
  const files = (await familyFiles(await family(name))).map(async ({ path, blob }) => ({
    name: path.split('/').pop() as string,
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(await blob.arrayBuffer()),
  }));
  await page.getByLabel('Model files').setInputFiles(await Promise.all(files));
}

/** Wide in both themes, with the whole of the right column beside it; narrow in one. */
async function picture(target: string, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    // Buttons change their colour softly.
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(target, `${name}-${colorScheme}.png`) });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ ...WIDE, height: 2400 });
  await page.locator('.column-right').screenshot({ path: join(target, `${name}-result.png`) });
  await page.locator('.column-left').screenshot({ path: join(target, `${name}-left.png`) });
  await page.setViewportSize(NARROW);
  await page.screenshot({ path: join(target, `${name}-narrow.png`), fullPage: true });
  await page.setViewportSize(WIDE);
}

async function smallWindows(): Promise<void> {
  for (const [name, value] of [
    [/calibration/i, 2],
    [/evaluation/i, 4],
    [/^Length/, 32],
  ] as const) {
    const field = page.getByRole('spinbutton', { name });
    await field.fill(String(value));
    await field.press('Enter');
  }
}

function finished(shown: Page, title: string): Promise<void> {
  const job = shown.getByRole('region', { name: 'Job' });
  return job.getByText(new RegExp(`${title}.*done in`)).waitFor({ timeout: PATIENCE_MS });
}
